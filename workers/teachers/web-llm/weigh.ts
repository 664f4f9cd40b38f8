// Knows: how continuations are weighed by a model that computes one position after another and cannot go back: beginnings that
// they share are computed once, and the first token of all of them costs nothing but the context.
// Must not know: WebLLM.
import { logSumExp } from '../../../src/engine/generation/logits.ts'

export interface Walk {
  /** Computes the context anew; gives the logits behind it. */
  readonly begin: () => Promise<Float32Array>
  /** Computes tokens behind all that was computed; gives the logits behind them. */
  readonly goOn: (tokens: readonly number[]) => Promise<Float32Array>
}

/** Natural log of each continuation's probability, summed over its tokens. Each has one token at least. */
export async function weighContinuations(
  continuations: readonly (readonly number[])[],
  { begin, goOn }: Walk,
): Promise<readonly number[]> {
  const sums = continuations.map(() => 0)
  /** Tokens behind the context that the model stands at; undefined before the first. */
  let place: readonly number[] | undefined

  const goTo = async (tokens: readonly number[]): Promise<Float32Array> => {
    const before = place
    place = tokens
    if (
      before !== undefined &&
      before.length === tokens.length - 1 &&
      before.every((token, i) => token === tokens[i])
    )
      return goOn(tokens.slice(-1))
    const atContext = await begin()
    return tokens.length === 0 ? atContext : goOn(tokens)
  }
  const visit = async (tokens: readonly number[], members: readonly number[]): Promise<void> => {
    const logits = await goTo(tokens)
    const whole = logSumExp(logits, 0, logits.length)
    const longer = new Map<number, number[]>()
    for (const member of members) {
      const path = continuations[member] ?? []
      const next = path[tokens.length] ?? NaN
      sums[member] = (sums[member] ?? 0) + (logits[next] ?? NaN) - whole
      if (path.length > tokens.length + 1) longer.set(next, [...(longer.get(next) ?? []), member])
    }
    for (const [next, children] of longer) await visit([...tokens, next], children)
  }
  await visit(
    [],
    continuations.map((_, i) => i),
  )
  return sums
}
