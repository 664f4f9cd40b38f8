// Knows: how WebLLM's progress reports are read: a share, and a sentence with the megabytes.
import type { LoadProgress } from '../../../src/protocol/teacher.ts'

/** One report; `bytes`: estimated size of the whole model, used if the sentence has no size. */
export function readProgress(
  { progress, text }: { readonly progress: number; readonly text: string },
  bytes: number,
): LoadProgress {
  const share = Number.isFinite(progress) ? Math.min(1, Math.max(0, progress)) : 0
  const reported = Number(/: (\d+)MB (?:fetched|loaded)/.exec(text)?.[1] ?? NaN) * 2 ** 20
  // The sentence rounds megabytes up, so it is too imprecise for a small share.
  const total = share >= 0.02 && reported > 0 ? reported / share : bytes
  return {
    phase: /^(?:start to fetch|fetching)/i.test(text) ? 'downloading' : 'building',
    done: Math.round(share * total),
    total: Math.round(total),
  }
}
