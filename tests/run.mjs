// Knows: the order in which everything is checked, from a clean clone to a closing line. Node's own modules only.
// `npm test` runs all but the longest tests; `npm run test:long` runs these too; `npm test -- tests/engine/graph` runs the tests below
// that path and nothing else.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readFileSync, rmSync, statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { findOrInstallChromium, NO_CHROMIUM } from './chromium.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm'
const startedAt = Date.now()
const results = []
const report = fileURLToPath(new URL('../test-results/vitest.json', import.meta.url))
rmSync(report, { force: true })

/** Runs a program to its end with its output shown; true when it ended well. */
function run(title, program, args, env = {}) {
  const from = Date.now()
  console.log(`\n▶ ${title}`)
  const { status, error } = spawnSync(program, args, {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, ...env },
    shell: process.platform === 'win32',
  })
  if (error !== undefined) console.error(`${program} could not be started: ${error.message}`)
  const ok = status === 0
  results.push({ title, ok, seconds: (Date.now() - from) / 1000 })
  return ok
}

/** Runs a program of the project next to others; its output is shown when it ends. True when it ended well. */
function runNext(title, name, args) {
  const from = Date.now()
  return new Promise((resolve) => {
    const [program, script] = bin(name)
    const child = spawn(program, [script, ...args], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
    const output = []
    child.stdout.on('data', (part) => output.push(part))
    child.stderr.on('data', (part) => output.push(part))
    child.on('error', (error) => output.push(Buffer.from(`${name} could not be started: ${error.message}\n`)))
    child.on('close', (status) => {
      console.log(`\n▶ ${title}`)
      process.stdout.write(Buffer.concat(output))
      results.push({ title, ok: status === 0, seconds: (Date.now() - from) / 1000 })
      resolve(status === 0)
    })
  })
}

const bin = (name) => [process.execPath, [fileURLToPath(new URL(`../node_modules/${name}`, import.meta.url))]]
const runBin = (title, name, args, env) => run(title, bin(name)[0], [...bin(name)[1], ...args], env)

/** True when what is installed is what the lock file says. */
function isInstalled() {
  const marker = new URL('../node_modules/.package-lock.json', import.meta.url)
  const lock = new URL('../package-lock.json', import.meta.url)
  if (!existsSync(marker)) return false
  if (statSync(marker).mtimeMs >= statSync(lock).mtimeMs) return true
  const wanted = JSON.parse(readFileSync(lock, 'utf8')).packages
  const got = JSON.parse(readFileSync(marker, 'utf8')).packages
  return Object.entries(wanted).every(
    ([name, entry]) => name === '' || entry.optional === true || got[name]?.version === entry.version,
  )
}

/** What Vitest counted, from its report; zeros where it did not get that far. */
function readCounts() {
  if (!existsSync(report)) return { passed: 0, failed: 0, skipped: 0 }
  const {
    numPassedTests,
    numFailedTests,
    numPendingTests = 0,
    numTodoTests = 0,
    testResults = [],
  } = JSON.parse(readFileSync(report, 'utf8'))
  // A file that could not be loaded has no tests and is a failure all the same.
  const brokenFiles = testResults.filter(
    ({ status, assertionResults }) => status === 'failed' && assertionResults.length === 0,
  ).length
  return {
    passed: numPassedTests,
    failed: numFailedTests + brokenFiles,
    skipped: numPendingTests + numTodoTests,
  }
}

/** Prints each check, then one line in Vitest's form: the checks and the tests together. */
function finish() {
  console.log('')
  for (const { title, ok, seconds } of results)
    console.log(` ${ok ? '✓' : '✗'} ${title} (${seconds.toFixed(1)} s)`)
  const { passed, failed, skipped } = readCounts()
  const bad = failed + results.filter(({ ok, isTests }) => !ok && !(isTests && failed > 0)).length
  const good = passed + results.filter(({ ok, isTests }) => ok && !isTests).length
  const parts = [
    bad > 0 ? `${bad} failed` : '',
    `${good} passed`,
    skipped > 0 ? `${skipped} skipped` : '',
  ].filter((part) => part !== '')
  console.log(
    `\n      Tests  ${parts.join(' | ')} (${bad + good + skipped})\n   Duration  ${((Date.now() - startedAt) / 1000).toFixed(2)}s`,
  )
  process.exit(results.every(({ ok }) => ok) ? 0 : 1)
}

if (
  !isInstalled() &&
  !run('Install what the lock file names', npm, ['ci', '--no-audit', '--no-fund', '--loglevel=error'])
)
  finish()

const isLong = process.argv.includes('--long')
const only = process.argv.slice(2).filter((argument) => argument !== '--long')
const chromium = findOrInstallChromium()
const vitest = (title, args) => {
  const env = {
    ...(chromium === undefined ? {} : { RETORT_CHROMIUM: chromium }),
    ...(only.length > 0 ? {} : { RETORT_BUILT: '1' }),
    // A test that is named is run, however long it takes.
    ...(isLong || only.length > 0 ? { RETORT_LONG: '1' } : {}),
  }
  runBin(
    title,
    'vitest/vitest.mjs',
    ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`, ...args],
    env,
  )
  results.at(-1).isTests = true
}
if (only.length > 0) {
  vitest(`Tests: ${only.join(' ')}`, only)
  finish()
}

// Two at a time: each needs one core.
const [, built] = await Promise.all([
  runNext('Types', 'typescript/bin/tsc', ['-p', 'tsconfig.json'])
    .then(() => runNext('Dead code', 'knip/bin/knip.js', ['--no-progress', '--no-config-hints']))
    .then(() => runNext('Lint', 'oxlint/bin/oxlint', ['--deny-warnings'])),
  runNext('Components', 'svelte-check/bin/svelte-check', [
    '--tsconfig',
    './tsconfig.json',
    '--fail-on-warnings',
    '--output',
    'human',
  ])
    .then(() => runNext('Format', 'oxfmt/bin/oxfmt', ['--check']))
    .then(() => runNext('Build', 'vite/bin/vite.js', ['build', '--logLevel', 'warn'])),
])
const why =
  chromium === undefined
    ? NO_CHROMIUM
    : built
      ? ''
      : 'The browser tests were not run, because the build failed.'
vitest('Tests', why === '' ? [] : ['--project', 'node', '--project', 'state'])
if (why !== '') {
  console.error(`\n${why}`)
  results.push({ title: 'Tests in Chromium', ok: false, seconds: 0, isTests: false })
}
finish()
