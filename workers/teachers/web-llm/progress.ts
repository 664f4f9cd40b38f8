// Knows: how WebLLM tells how far it is: a share and a sentence, in which the megabytes stand.
import type { LoadProgress } from '../../../src/protocol/teacher.ts'

/** One report; `bytes`: of the whole model as far as it is known, where the sentence does not tell. */
export function readProgress(
  { progress, text }: { readonly progress: number; readonly text: string },
  bytes: number,
): LoadProgress {
  const share = Number.isFinite(progress) ? Math.min(1, Math.max(0, progress)) : 0
  const told = Number(/: (\d+)MB (?:fetched|loaded)/.exec(text)?.[1] ?? NaN) * 2 ** 20
  // The sentence rounds megabytes up, so of a small share it tells nothing.
  const total = share >= 0.02 && told > 0 ? told / share : bytes
  return {
    phase: /^(?:start to fetch|fetching)/i.test(text) ? 'downloading' : 'building',
    done: Math.round(share * total),
    total: Math.round(total),
  }
}
