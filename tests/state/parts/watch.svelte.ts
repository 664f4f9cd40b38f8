// Knows: how a test runs its own effect. Returns a function that ends it.
import { flushSync } from 'svelte'

export function watch(effect: () => void): () => void {
  const end = $effect.root(() => {
    $effect(effect)
  })
  flushSync()
  return end
}
