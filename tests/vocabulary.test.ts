// Knows: the words that this project does not use, what it writes instead, and the few places where such a word is data.
// Identifiers count too: `toldAt` is read as "told at", `MOST_ROWS` as "most rows".
import { readFileSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { describe, expect, test } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))

interface Rule {
  /** Whole words, lower case, as the source of a regular expression. */
  readonly never: string
  readonly instead: string
}

const RULES: readonly Rule[] = [
  { never: 'told|tell|tells|telling', instead: 'report, return, emit, show; told apart: distinguished' },
  { never: 'ask|asks|asked|asking', instead: 'request, call, generate, score, prompt' },
  { never: 'stand|stands|stood|standing', instead: 'is, is stored; status (stand-in is a test double)' },
  { never: 'lie|lies|lay', instead: 'is, is in, is stored' },
  { never: 'go on|goes on|going on|gone on|went on', instead: 'resume, continue' },
  { never: 'let go|lets go|letting go|let it go|lets it go|lets one go', instead: 'unload, release' },
  { never: 'the box|boxed|a box|this box', instead: 'the built-in teacher, built in' },
  { never: 'heed|heeds|heeded', instead: 'supports' },
  { never: 'likeliest', instead: 'most likely, top-k' },
  { never: 'fault|faults', instead: 'error, problem, reason' },
  { never: 'trouble|troubles', instead: 'error' },
  { never: 'lesson|lessons|taught', instead: 'objective; soft targets' },
  { never: 'sieve', instead: 'filter stage' },
  { never: 'surroundings', instead: 'environment' },
  { never: 'anew', instead: 'again, from scratch' },
  { never: 'mend|mends|mended', instead: 'fix' },
  { never: 'and the like|and its like|or the like', instead: 'name the things' },
  { never: 'broke off|break off|breaks off|broken off', instead: 'failed, was interrupted' },
  { never: 'on its way|on their way', instead: 'pending' },
  { never: 'kept here|half here', instead: 'stored in this browser; partly downloaded' },
  { never: 'shared beginning|shared beginnings|behind a beginning', instead: 'shared prefix' },
  { never: 'rows of a step|parts of a step', instead: 'batch size; gradient accumulation' },
  { never: 'look every|looks every', instead: 'evaluate every' },
  { never: 'weigh|weighs|weighing', instead: 'score' },
  { never: 'beside', instead: 'next to, in addition to' },
  { never: 'so many', instead: 'n' },
  { never: 'traced|tracing', instead: 'soft targets' },
  { never: 'tail mass', instead: 'remaining mass' },
]

/** `MOST_…` and `LEAST_…`, which the splitting of identifiers would hide among English. */
const LIMITS: Rule = { never: String.raw`(?:MOST|LEAST)(?:_[A-Z0-9_]+)?`, instead: 'MAX_…, MIN_…' }

interface Exception {
  readonly path: RegExp
  /** Words that may occur there; absent: all of them. */
  readonly words?: RegExp
  /** Only inside string literals: names and comments count. */
  readonly inStrings?: boolean
  readonly why: string
}

/** Data that must stay byte for byte, or another project's words. */
const EXCEPTIONS: readonly Exception[] = [
  { path: /^tests\/vocabulary\.test\.ts$/, why: 'this list' },
  {
    path: /^src\/pipeline\/(?:corner-shop|templates)\//,
    inStrings: true,
    why: 'texts that models are prompted with and the built-in teacher was trained on: another word is another version',
  },
  {
    path: /^public\/examples\/corner-shop(?:-sums)?\.json$/,
    words: /^asks?$/,
    why: 'seeds in the words of the built-in teacher’s world',
  },
  { path: /^public\/examples\/short-rewrites\.json$/, words: /^told$/, why: 'a seed: a colleague’s message' },
  {
    path: /^(?:src\/storage\/upgrades|tests\/storage|tests\/workers\/corpus-project\.test\.ts)/,
    words: /^(?:asked|box)$/,
    why: 'names of fields and values as version 0.1 stored them',
  },
  { path: /^tests\/bench\/pages\/losses-part\.ts$/, words: /^asks$/, why: 'prompts for the teacher' },
  {
    path: /^tests\/bench\/built-in-teacher\.ts$/,
    words: /^asked$/,
    why: 'the name of a random stream that published figures depend on',
  },
  { path: /^tests\/oracles\/rouge\.py$/, words: /^tell$/, why: 'a sentence to compare' },
]

/** Identifiers as words, lower case: `whenToldAt` gives "when told at". */
export const splitWords = (line: string): string =>
  line
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replaceAll(/([A-Z])([A-Z][a-z])/g, '$1 $2')
    .replaceAll('_', ' ')
    .toLowerCase()

const matchers = RULES.map(({ never, instead }) => ({
  expression: new RegExp(String.raw`(?<![\p{L}\d\\-])(?:${never})(?![\p{L}\d]|[- ]ins?\b)`, 'u'),
  instead,
}))
const limits = { expression: new RegExp(String.raw`\b${LIMITS.never}\b`), instead: LIMITS.instead }

/** The text of a program with the contents of its strings as blanks, line breaks kept. */
function blankStrings(text: string): string {
  const source = ts.createSourceFile('example.ts', text, ts.ScriptTarget.Latest, true)
  let blanked = text
  const visit = (node: ts.Node): void => {
    if (
      ts.isStringLiteralLike(node) ||
      ts.isRegularExpressionLiteral(node) ||
      ts.isTemplateHead(node) ||
      ts.isTemplateMiddleOrTemplateTail(node)
    )
      blanked =
        blanked.slice(0, node.getStart()) +
        node.getText().replaceAll(/[^\n]/g, ' ') +
        blanked.slice(node.getEnd())
    ts.forEachChild(node, visit)
  }
  visit(source)
  return blanked
}

/** Every forbidden word of a text with its line: `path:line: "word": write …`. */
export function findForbidden(path: string, text: string): string[] {
  const exceptions = EXCEPTIONS.filter((exception) => exception.path.test(path))
  if (exceptions.some(({ words, inStrings }) => words === undefined && inStrings !== true)) return []
  const checked = exceptions.some(({ inStrings }) => inStrings) ? blankStrings(text) : text
  return checked.split('\n').flatMap((line, index) => {
    const words = splitWords(line)
    const found = matchers.flatMap(({ expression, instead }) => {
      const word = expression.exec(words)?.[0]
      return word === undefined || exceptions.some((exception) => exception.words?.test(word))
        ? []
        : [{ word, instead }]
    })
    const limit = limits.expression.exec(line)?.[0]
    if (limit !== undefined) found.push({ word: limit, instead: limits.instead })
    return found.map(({ word, instead }) => `${path}:${index + 1}: “${word}”: write ${instead}`)
  })
}

const READ = /\.(ts|mts|mjs|js|svelte|py|css|html|md|json|webmanifest)$/
/** Data of others and what is generated. */
const SKIPPED =
  /^(tests\/oracles\/.*\.json|tests\/fixtures\/.*|.*package-lock\.json|tests\/oracles\/onnx\/.*)$/

function* walk(folder: string): Generator<string> {
  for (const entry of readdirSync(`${root}/${folder}`, { withFileTypes: true })) {
    const path = `${folder}/${entry.name}`
    if (entry.isDirectory()) {
      if (entry.name !== 'node_modules') yield* walk(path)
    } else if (READ.test(path) && !SKIPPED.test(path)) yield path
  }
}

const TOP = ['README.md', 'CONTRIBUTING.md', 'index.html', 'package.json', 'vite.config.ts']

const listFiles = (): string[] => [
  ...TOP,
  ...['src', 'workers', 'tests', 'public'].flatMap((folder) => [...walk(folder)]),
]
const read = (path: string): string => readFileSync(`${root}/${path}`, 'utf8')

describe('vocabulary', () => {
  test('has one word for each thing in code, page and documents', () => {
    const files = listFiles()
    expect(files.length).toBeGreaterThan(900)
    expect(files.flatMap((path) => findForbidden(path, read(path)))).toEqual([])
  })

  test('makes no exception that nothing needs', () => {
    for (const { path, words = /./, why } of EXCEPTIONS) {
      const found = listFiles()
        .filter((file) => path.test(file))
        .flatMap((file) => findForbidden('src/none.ts', read(file)))
      expect(
        found.filter((line) => words.test(/“(.*?)”/.exec(line)?.[1] ?? '')),
        why,
      ).not.toEqual([])
    }
  })
})

describe('the vocabulary checker', () => {
  const wordsIn = (line: string): number => findForbidden('src/example.ts', line).length

  test('finds a word in prose, in a name and in a constant', () => {
    expect(wordsIn('// the teacher is asked for it')).toBe(1)
    expect(wordsIn('const toldAt = 1')).toBe(1)
    expect(wordsIn('class LiveLesson {}')).toBe(1)
    expect(wordsIn('const MOST_ROWS = 4')).toBe(1)
    expect(wordsIn('It Goes On by itself')).toBe(1)
  })

  test('accepts words that only contain one, and stand-ins', () => {
    expect(wordsIn('const task = standard + default + basket + understand')).toBe(0)
    expect(wordsIn("import { standIn } from './stand-ins/teacher.ts'")).toBe(0)
    expect(wordsIn('a stand-in for the teacher; stand-ins')).toBe(0)
    expect(wordsIn('at most four, at least one')).toBe(0)
    expect(wordsIn(String.raw`LaTeX’s \boxed{42}`)).toBe(0)
  })

  test('checks names and comments but not strings where texts are data', () => {
    const wordsInData = (text: string): number =>
      findForbidden('src/pipeline/templates/example.ts', text).length
    expect(wordsInData("const text = 'You are asked'")).toBe(0)
    expect(wordsInData('const text = `You are asked ${toldAt} and told`')).toBe(1)
    expect(wordsInData('// it is asked')).toBe(1)
  })
})
