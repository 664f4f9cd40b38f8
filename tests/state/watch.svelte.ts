// Knows: how a test has an effect of its own. Gives the way to end it.
import { flushSync } from 'svelte'

export function watch(effect: () => void): () => void {
  const end = $effect.root(() => {
    $effect(effect)
  })
  flushSync()
  return end
}
