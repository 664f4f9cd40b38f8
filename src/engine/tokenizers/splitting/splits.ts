// Knows: how a text is split at the matches of an expression, with the five behaviours of the `tokenizers` library.
// Must not know: files.
// Expressions use the syntax of Oniguruma, the library's engine; the package translates them to JavaScript.
import { SplitPreTokenizer } from '@huggingface/tokenizers'

export const BEHAVIOURS = [
  'Removed',
  'Isolated',
  'MergedWithPrevious',
  'MergedWithNext',
  'Contiguous',
] as const
export type Behaviour = (typeof BEHAVIOURS)[number]

export type Pattern = { readonly Regex: string } | { readonly String: string }

/** Max characters of an expression; those of models are below 3,000. */
const MAX_EXPRESSION = 20_000

/** The expression for JavaScript, with the flags "gu". Throws an Error if JavaScript does not support it. */
export function compilePattern(pattern: Pattern): RegExp {
  const source = 'Regex' in pattern ? pattern.Regex : pattern.String
  if (source.length > MAX_EXPRESSION)
    throw new Error(`an expression is longer than ${MAX_EXPRESSION} characters`)
  const { pattern: compiled } = new SplitPreTokenizer({
    type: 'Split',
    pattern: 'Regex' in pattern ? { Regex: source } : { String: source },
    behavior: 'Isolated',
    invert: true,
  })
  if (compiled === null) throw new Error('an expression cannot be compiled')
  return compiled
}

/** Makes a function that splits a text; pieces are never ''. `invert` swaps matches and the text between them. */
export function makeSplit(
  expression: RegExp,
  behaviour: Behaviour,
  invert = false,
): (text: string) => string[] {
  return (text) => {
    const pieces: string[] = []
    let lastMatches = false
    let pending = ''
    const put = (piece: string, matches: boolean): void => {
      if (piece === '') return
      if (behaviour === 'Isolated') pieces.push(piece)
      else if (behaviour === 'Removed') {
        if (!matches) pieces.push(piece)
      } else if (behaviour === 'Contiguous') {
        if (matches === lastMatches && pieces.length > 0) pieces.push(`${pieces.pop() ?? ''}${piece}`)
        else pieces.push(piece)
      } else if (behaviour === 'MergedWithPrevious') {
        if (matches && !lastMatches && pieces.length > 0) pieces.push(`${pieces.pop() ?? ''}${piece}`)
        else pieces.push(piece)
      } else if (matches) {
        if (pending !== '') pieces.push(pending)
        pending = piece
      } else {
        pieces.push(pending + piece)
        pending = ''
      }
      lastMatches = matches
    }
    let from = 0
    for (const { 0: match, index } of text.matchAll(expression)) {
      put(text.slice(from, index), invert)
      put(match, !invert)
      from = index + match.length
    }
    put(text.slice(from), invert)
    if (pending !== '') pieces.push(pending)
    return pieces
  }
}
