// Knows: how continuations are scored by a model that computes one position after another and cannot go back: shared prefixes are
// computed once, and the first tokens of all continuations need only the context.
// Must not know: WebLLM.
import { logSumExp } from '../../../src/engine/generation/logits.ts'

export interface ContinuationModel {
  /** Computes the context from scratch; returns the logits after it. */
  readonly prefill: () => Promise<Float32Array>
  /** Computes tokens after all that was computed; returns the logits after them. */
  readonly extend: (tokens: readonly number[]) => Promise<Float32Array>
}

/** Natural log of each continuation's probability, summed over its tokens. Each has at least one token. */
export async function scoreContinuations(
  continuations: readonly (readonly number[])[],
  { prefill, extend }: ContinuationModel,
): Promise<readonly number[]> {
  const sums = continuations.map(() => 0)
  /** Tokens after the context that the model has computed; undefined before the first. */
  let position: readonly number[] | undefined

  const moveTo = async (tokens: readonly number[]): Promise<Float32Array> => {
    const before = position
    position = tokens
    if (
      before !== undefined &&
      before.length === tokens.length - 1 &&
      before.every((token, i) => token === tokens[i])
    )
      return extend(tokens.slice(-1))
    const atContext = await prefill()
    return tokens.length === 0 ? atContext : extend(tokens)
  }
  const visit = async (tokens: readonly number[], members: readonly number[]): Promise<void> => {
    const logits = await moveTo(tokens)
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
