// Knows: how the token counts of rows over time become a program's result. Runs in a page and in Node.

export function startTally(rows) {
  const start = performance.now()
  const counts = Array.from({ length: rows }, () => 0)
  const sum = () => counts.reduce((total, count) => total + count, 0)
  let from
  return {
    note(row, tokens) {
      counts[row] = tokens
      if (from === undefined && counts.every((count) => count > 0))
        from = { ms: performance.now() - start, tokens: sum() }
    },
    end(promptTokens, texts) {
      const ms = performance.now() - start
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
