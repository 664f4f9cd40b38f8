// Knows: how tokens that rows get one by one become what a program tells. Runs in a page and in Node.

export function startTally(rows) {
  const began = performance.now()
  const counts = Array.from({ length: rows }, () => 0)
  const sum = () => counts.reduce((total, count) => total + count, 0)
  let from
  return {
    note(row, tokens) {
      counts[row] = tokens
      if (from === undefined && counts.every((count) => count > 0))
        from = { ms: performance.now() - began, tokens: sum() }
    },
    end(promptTokens, texts) {
      const ms = performance.now() - began
      return {
        promptTokens,
        firstMs: from?.ms ?? ms,
        from: from ?? { ms, tokens: sum() },
        ms,
        tokens: sum(),
        texts,
      }
    },
  }
}
