// Knows: ROUGE-L between two texts.
// Source: Lin 2004, as the reference package computes it (google-research `rouge_score`): longest common subsequence of lower-case
// alphanumeric tokens without stemming; F1 of precision and recall.
import { tokensOf } from './words.ts'

/** F1 of ROUGE-L, 0 to 1, symmetric. 1 for equal texts; 0 if one of the texts is blank. */
export function measureRougeL(a: string, b: string): number {
  return rougeOfTokens(tokensOf(a), tokensOf(b))
}

/** The same for tokens: any values that compare with `===`. */
export function rougeOfTokens<T>(a: ArrayLike<T>, b: ArrayLike<T>): number {
  if (a.length === 0 || b.length === 0) return 0
  return (2 * measureCommon(a, b)) / (a.length + b.length) // F1 of common/a and common/b
}

/** Length of the longest common subsequence; time a × b, memory b. */
export function measureCommon<T>(a: ArrayLike<T>, b: ArrayLike<T>): number {
  const row = new Uint32Array(b.length + 1)
  for (let i = 0; i < a.length; i++) {
    let diagonal = 0
    let left = 0
    const item = a[i]
    for (let j = 1; j <= b.length; j++) {
      const above = row[j] as number
      left = item === b[j - 1] ? diagonal + 1 : above > left ? above : left
      row[j] = left
      diagonal = above
    }
  }
  return row[b.length] as number
}
