// Knows: that the checkers of this project find what they are for: a set-up that reports nothing looks like one that has nothing to report.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, test } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))
const folders: string[] = []

/** A folder inside the project (so that packages resolve) under the project's own compiler options. */
function makeProject(files: Readonly<Record<string, string>>): string {
  mkdirSync(join(root, 'test-results'), { recursive: true })
  const folder = mkdtempSync(join(root, 'test-results/planted-'))
  folders.push(folder)
  writeFileSync(
    join(folder, 'tsconfig.json'),
    JSON.stringify({ extends: '../../tsconfig.json', include: ['*.ts', '*.svelte'], exclude: [] }),
  )
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  return folder
}

function runTool(script: string, args: readonly string[]): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(root, 'node_modules', script), ...args],
    { cwd: root, encoding: 'utf8' },
  )
  return { status, output: stdout + stderr }
}
const checkComponents = (folder: string) =>
  runTool('svelte-check/bin/svelte-check', [
    '--workspace',
    folder,
    '--tsconfig',
    join(folder, 'tsconfig.json'),
    '--fail-on-warnings',
    '--output',
    'machine',
  ])

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

describe('svelte-check', () => {
  test('finds a wrong type in a component, in a rune file and in a component’s use', () => {
    const { status, output } = checkComponents(
      makeProject({
        'Inner.svelte':
          '<script lang="ts">\n  const { count }: { count: number } = $props()\n</script>\n<p>{count}</p>\n',
        'Outer.svelte':
          '<script lang="ts">\n  import Inner from "./Inner.svelte"\n  const wrong: number = "text"\n</script>\n<Inner count="three" />{wrong}\n',
        'state.svelte.ts': 'export class Counter {\n  count = $state<number>("zero")\n}\n',
      }),
    )
    expect(status).not.toBe(0)
    expect(output).toMatch(/ERROR "Outer\.svelte" 3:/)
    expect(output).toMatch(/ERROR "Outer\.svelte" 5:/)
    expect(output).toMatch(/ERROR "state\.svelte\.ts" 2:/)
  })

  test('finds a picture without a text, which is a warning', () => {
    const { status, output } = checkComponents(makeProject({ 'Picture.svelte': '<img src="a.png">\n' }))
    expect(output).toContain('a11y_missing_attribute')
    expect(status).not.toBe(0)
  })

  test('accepts correct components', () => {
    const { status, output } = checkComponents(
      makeProject({
        'Fine.svelte':
          '<script lang="ts">\n  const { count }: { count: number } = $props()\n</script>\n<p>{count}</p>\n',
      }),
    )
    expect(output).toContain('0 ERRORS')
    expect(status).toBe(0)
  })
})

describe('the compiler', () => {
  test('refuses an enum, an import of a type that does not say so, and undefined where a field is only optional', () => {
    const { status, output } = runTool('typescript/bin/tsc', [
      '-p',
      makeProject({
        'a.ts': 'export interface A { readonly x?: number }\n',
        'b.ts': "import { A } from './a.ts'\nexport enum E { One }\nexport const a: A = { x: undefined }\n",
      }),
    ])
    expect(status).not.toBe(0)
    for (const code of ['TS1484', 'TS1294', 'TS2375']) expect(output).toContain(code)
  })
})

describe('the linter', () => {
  test('refuses any', () => {
    const folder = makeProject({ 'a.ts': 'export const open = (x: any): unknown => x\n' })
    const { status, output } = runTool('oxlint/bin/oxlint', [
      '--no-ignore',
      '-c',
      join(root, '.oxlintrc.json'),
      join(folder, 'a.ts'),
    ])
    expect(output).toContain('no-explicit-any')
    expect(status).not.toBe(0)
  })
})

describe('the formatter', () => {
  const format = (name: string, input: string): string =>
    spawnSync(
      process.execPath,
      [join(root, 'node_modules/oxfmt/bin/oxfmt'), `--stdin-filepath=${join(root, 'src', name)}`],
      { cwd: root, encoding: 'utf8', input },
    ).stdout

  test('reads its settings: no semicolons, single quotes, 110 columns, components too', () => {
    expect(format('a.ts', 'export const open = (x: string) => { return x + "a" };\n')).toBe(
      "export const open = (x: string) => {\n  return x + 'a'\n}\n",
    )
    expect(format('B.svelte', '<p   class="a">{"text"}</p>\n')).toBe(`<p class="a">{'text'}</p>\n`)
    const call = `export const sum = add(${Array.from({ length: 12 }, (_, index) => `term${index + 10}`).join(', ')})\n`
    expect(call.length).toBeGreaterThan(110)
    expect(format('a.ts', call).split('\n').length).toBeGreaterThan(3)
  })
})

describe('the dead-code check', () => {
  test('finds an export that nothing uses and a file that nothing imports', () => {
    const folder = makeProject({
      'main.ts': "import { used } from './used.ts'\nconsole.log(used)\n",
      'used.ts': 'export const used = 1\nexport const unused = 2\n',
      'alone.ts': 'console.log(1)\n',
    })
    writeFileSync(
      join(folder, 'package.json'),
      JSON.stringify({ name: 'planted', knip: { entry: ['main.ts'], project: ['*.ts'] } }),
    )
    const { status, output } = runTool('knip/bin/knip.js', ['--directory', folder, '--no-progress'])
    expect(output).toMatch(/unused +used\.ts/)
    expect(output).toContain('alone.ts')
    expect(status).not.toBe(0)
  })
})

describe('npm test', () => {
  test('is what continuous integration runs, with every checker', () => {
    expect(readFileSync(join(root, '.ci/run'), 'utf8')).toMatch(/^exec npm test$/m)
    expect(existsSync(join(root, 'tests/run.mjs'))).toBe(true)
    const rig = readFileSync(join(root, 'tests/run.mjs'), 'utf8')
    for (const tool of ['oxfmt', 'oxlint', 'knip', 'tsc', 'svelte-check', 'vite', 'vitest'])
      expect(rig).toContain(tool)
  })
})
