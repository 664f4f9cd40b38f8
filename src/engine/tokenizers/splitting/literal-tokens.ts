// Knows: how a text is split at tokens that appear literally in it ("<|im_end|>", added words): at each
// position the longest one, from left to right, as in SentencePiece and the `tokenizers` library.
// Must not know: how the text between them is encoded.

export interface LiteralToken {
  readonly id: number
  /** Never ''. */
  readonly content: string
  /** Also removes the white space before or after it. */
  readonly lstrip?: boolean
  readonly rstrip?: boolean
  /** Matches only if no letter or digit is adjacent. */
  readonly singleWord?: boolean
}

/** Text between tokens. */
export interface Segment {
  /** Never ''. */
  readonly text: string
  /** Where it begins, in UTF-16 units. */
  readonly from: number
}

/** Whether a token must not match at these offsets. */
export type IsBarred = (id: number, from: number, to: number) => boolean

interface TrieNode {
  readonly next: Map<number, TrieNode>
  token: LiteralToken | undefined
}

const WORD = '[\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}]'
const ENDS_IN_WORD = new RegExp(`${WORD}$`, 'u')
const SPACE = /\p{White_Space}/u
const BEGINS_WITH_WORD = new RegExp(`^${WORD}`, 'u')

export class LiteralTokens {
  readonly #root: TrieNode = { next: new Map(), token: undefined }
  readonly #empty: boolean

  constructor(tokens: readonly LiteralToken[]) {
    for (const token of tokens) this.#add(token)
    this.#empty = tokens.length === 0
  }

  /** Segments of text and ids of tokens, in order. */
  split(text: string, isBarred?: IsBarred): (Segment | number)[] {
    if (this.#empty) return text === '' ? [] : [{ text, from: 0 }]
    const parts: (Segment | number)[] = []
    let from = 0
    let at = 0
    while (at < text.length) {
      const token = this.#longestAt(text, at, isBarred)
      if (token === undefined) {
        at++
        continue
      }
      const end = at + token.content.length
      if (
        !(
          token.singleWord &&
          (ENDS_IN_WORD.test(text.slice(Math.max(0, at - 2), at)) ||
            BEGINS_WITH_WORD.test(text.slice(end, end + 2)))
        )
      ) {
        let to = at
        if (token.lstrip) while (to > from && SPACE.test(text[to - 1] as string)) to--
        if (to > from) parts.push({ text: text.slice(from, to), from })
        parts.push(token.id)
        from = end
        if (token.rstrip) while (from < text.length && SPACE.test(text[from] as string)) from++
      }
      at = Math.max(end, from)
    }
    if (from < text.length) parts.push({ text: text.slice(from), from })
    return parts
  }

  #add(token: LiteralToken): void {
    let node = this.#root
    for (let i = 0; i < token.content.length; i++) {
      const unit = token.content.charCodeAt(i)
      let next = node.next.get(unit)
      if (next === undefined) {
        next = { next: new Map(), token: undefined }
        node.next.set(unit, next)
      }
      node = next
    }
    node.token ??= token
  }

  #longestAt(text: string, at: number, isBarred: IsBarred | undefined): LiteralToken | undefined {
    let node: TrieNode | undefined = this.#root
    let found: LiteralToken | undefined
    for (let i = at; i < text.length; i++) {
      node = node.next.get(text.charCodeAt(i))
      if (node === undefined) break
      if (node.token !== undefined && isBarred?.(node.token.id, at, i + 1) !== true) found = node.token
    }
    return found
  }
}
