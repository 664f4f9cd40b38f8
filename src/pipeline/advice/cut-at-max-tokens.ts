// Knows: when completions are cut at max tokens, and what to raise it to.
import type { Advice } from './advice.ts'
import { completeOf, type RunFacts } from './run-facts.ts'

/** Fewer cut completions than this, or a smaller share, need no advice. */
const MIN_CUT = 3
const MIN_SHARE = 0.1
/** The setting's own limit. */
const MAX_TOKENS = 4096
/** Share of the context that completions may take, so that the prompt has room. */
const CONTEXT_SHARE = 0.75

export function adviseOnCut({ recipe, cut, completions, contextLength }: RunFacts): Advice | undefined {
  if (cut < MIN_CUT || cut < MIN_SHARE * completions) return undefined
  const complete = completeOf(recipe)
  if (complete === undefined) return undefined
  const { index, settings } = complete
  const room = contextLength === undefined ? MAX_TOKENS : Math.floor(CONTEXT_SHARE * contextLength)
  const value = Math.min(2 * settings.maxTokens, MAX_TOKENS, room)
  const seen = `${cut} of ${completions} completions were cut at ${settings.maxTokens} tokens.`
  if (value <= settings.maxTokens)
    return {
      id: 'cut-at-max-tokens',
      sentence: `${seen} There is no room for more in a context of ${contextLength ?? MAX_TOKENS} tokens: load the teacher with a longer one, or put a limit on the length into the system prompt.`,
      remedy: { label: 'Open Teacher', change: { kind: 'open', screen: 'teacher' } },
    }
  return {
    id: 'cut-at-max-tokens',
    sentence: `${seen} Raise Max tokens to ${value}.`,
    remedy: {
      label: `Set Max tokens to ${value}`,
      change: { kind: 'set', step: index, field: 'maxTokens', value },
    },
  }
}
