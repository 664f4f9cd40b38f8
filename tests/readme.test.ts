// Knows: what README.md and CONTRIBUTING.md claim about the tree and the commands, and that the claims are true.
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))
const readText = (name: string): string => readFileSync(join(root, name), 'utf8')

/**
 * The paths of a tree drawn with two spaces a level, one path and its words a line; folders end with `/`.
 * A line that begins deeper than any path continues the words above it.
 */
export function readTree(drawing: string): string[] {
  const paths: string[] = []
  const above: string[] = []
  for (const line of drawing.split('\n')) {
    const match = /^((?: {2})*)(\S+)(?: {2,}\S.*)?$/.exec(line)
    if (match === null) continue
    const depth = (match[1] ?? '').length / 2
    const name = match[2] ?? ''
    if (depth > above.length) throw new Error(`"${line}" is indented deeper than the folder above it`)
    above.length = depth
    paths.push([...above, name].join(''))
    if (name.endsWith('/')) above.push(name)
  }
  return paths
}

/** The tree of README.md: the first fenced block after the heading. */
const drawnTree = (): string[] =>
  readTree(/## The tree\n[\s\S]*?```\n([\s\S]*?)```/.exec(readText('README.md'))?.[1] ?? '')

/** Folders whose members the README must name one by one, and names that it need not speak of. */
const NOT_DRAWN = new Set([
  '.built-in-teacher',
  '.git',
  '.gitignore',
  '.git-blame-ignore-revs',
  '.oxfmtrc.json',
  '.oxlintrc.json',
  'node_modules',
  'dist',
  'models',
  'test-results',
  'package-lock.json',
  '.DS_Store',
])

/** Every command that a document gives: `npm …`, `npx …`, `node …`. */
const commandsIn = (text: string): string[] =>
  [...text.matchAll(/(?:`|^\s*)((?:npm|npx|node) [^`\n]+)/gm)].map((match) => (match[1] ?? '').trim())

/** What is wrong with a command, as a sentence. */
function judgeCommand(command: string, scripts: Readonly<Record<string, string>>): string | undefined {
  const [program = '', first = '', second = ''] = command.split(/\s+/)
  if (program === 'npm') {
    if (['ci', 'install'].includes(first)) return undefined
    const script = first === 'run' ? second : first
    return script in scripts
      ? undefined
      : `"${command}" names the script ${script}, which package.json does not have.`
  }
  if (program === 'npx')
    return existsSync(join(root, 'node_modules/.bin', first))
      ? undefined
      : `"${command}" names ${first}, which is not installed.`
  return existsSync(join(root, first)) ? undefined : `"${command}" names ${first}, which is not there.`
}

describe('README', () => {
  test('names only what is there', () => {
    const missing = drawnTree().filter((path) => !existsSync(join(root, path)))
    expect(missing).toEqual([])
  })

  test('gives folders a slash and files none', () => {
    const wrong = drawnTree().filter(
      (path) =>
        existsSync(join(root, path)) && statSync(join(root, path)).isDirectory() !== path.endsWith('/'),
    )
    expect(wrong).toEqual([])
  })

  test('names everything in each folder that it opens', () => {
    const drawn = drawnTree()
    expect(drawn.length).toBeGreaterThan(40)
    const opened = [
      '',
      ...drawn.filter(
        (path) => path.endsWith('/') && drawn.some((other) => other !== path && other.startsWith(path)),
      ),
    ]
    const left = opened.flatMap((folder) =>
      readdirSync(join(root, folder), { withFileTypes: true })
        .filter((entry) => folder !== '' || !NOT_DRAWN.has(entry.name))
        .map((entry) => `${folder}${entry.name}${entry.isDirectory() ? '/' : ''}`)
        .filter((path) => !drawn.includes(path)),
    )
    expect(left.map((path) => `${path} has no line in the README's tree`)).toEqual([])
  })

  test('and CONTRIBUTING give commands that exist', () => {
    const { scripts } = JSON.parse(readText('package.json')) as { scripts: Record<string, string> } // our own file
    const commands = ['README.md', 'CONTRIBUTING.md'].flatMap((name) => commandsIn(readText(name)))
    expect(commands.length).toBeGreaterThan(4)
    expect(
      commands.map((command) => judgeCommand(command, scripts)).filter((sentence) => sentence !== undefined),
    ).toEqual([])
  })

  test('and CONTRIBUTING name files that exist', () => {
    const named = ['README.md', 'CONTRIBUTING.md'].flatMap((name) =>
      [...readText(name).matchAll(/`((?:src|tests|workers|hosting|public)\/[\w./*-]+)`/g)].map(
        (match) => match[1] ?? '',
      ),
    )
    expect(named.filter((path) => !path.includes('*') && !existsSync(join(root, path)))).toEqual([])
  })
})

describe('the reader of trees', () => {
  test('gives whole paths', () => {
    expect(
      readTree('src/\n  domain/  words\n    seed.ts  a seed\n  main.ts  starts\nLICENSE  Apache'),
    ).toEqual(['src/', 'src/domain/', 'src/domain/seed.ts', 'src/main.ts', 'LICENSE'])
  })
  test('finds a command that is not there', () => {
    expect(judgeCommand('npm run nothing', { test: '' })).toContain('nothing')
    expect(judgeCommand('node tests/nothing.mjs', {})).toContain('not there')
  })
})
