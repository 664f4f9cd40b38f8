// Knows: how a text is cut at the matches of an expression, in the five ways of the `tokenizers` library.
// Must not know: files.
// Expressions are those of Oniguruma, which the library uses; the package writes them anew for JavaScript.
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

/** Longest expression that is compiled; those of models are below 3,000 characters. */
const MAX_EXPRESSION = 20_000

/** The expression for JavaScript, with the flags "gu". Throws an Error on one that it cannot carry. */
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
  if (compiled === null) throw new Error('an expression cannot be read')
  return compiled
}

/** A function that cuts a text; pieces are never ''. `invert` swaps matches and what lies between them. */
export function makeSplit(
  expression: RegExp,
  behaviour: Behaviour,
  invert = false,
): (text: string) => string[] {
  return (text) => {
    const pieces: string[] = []
    let lastMatches = false
    let waiting = ''
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
        if (waiting !== '') pieces.push(waiting)
        waiting = piece
      } else {
        pieces.push(waiting + piece)
        waiting = ''
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
    if (waiting !== '') pieces.push(waiting)
    return pieces
  }
}
