// Knows: sizes of tensor axes, numbers or symbols, and the arithmetic on them that shape rules need.
// Must not know: ops, graphs.

/** A size: a whole number, or a symbol ('B', 'S') whose value is known when the graph runs. */
export type Dim = number | string

const factorsOf = (dim: Dim): { count: number; symbols: string[] } => {
  if (typeof dim === 'number') return { count: dim, symbols: [] }
  const symbols: string[] = []
  let count = 1
  for (const part of splitProduct(dim)) {
    if (/^\d+$/.test(part)) count *= Number(part)
    else symbols.push(part)
  }
  return { count, symbols: symbols.toSorted() }
}

/** 'B*(P+S)' → ['B', '(P+S)']: stars inside parentheses do not split. */
function splitProduct(dim: string): string[] {
  const parts: string[] = []
  let depth = 0
  let part = ''
  for (const letter of dim) {
    if (letter === '(') depth++
    if (letter === ')') depth--
    if (letter === '*' && depth === 0) {
      parts.push(part)
      part = ''
    } else part += letter
  }
  parts.push(part)
  return parts
}

const nameProduct = (count: number, symbols: readonly string[]): Dim => {
  if (symbols.length === 0 || count === 0) return count
  return (count === 1 ? symbols : [String(count), ...symbols]).join('*')
}

/** Product of sizes; symbols are sorted, so that equal products have equal names. */
export function multiplyDims(dims: readonly Dim[]): Dim {
  let count = 1
  const symbols: string[] = []
  for (const dim of dims) {
    const factors = factorsOf(dim)
    count *= factors.count
    symbols.push(...factors.symbols)
  }
  return nameProduct(count, symbols.toSorted())
}

/** whole / part; `undefined` if it is not a whole number. */
export function divideDims(whole: Dim, part: Dim): Dim | undefined {
  const a = factorsOf(whole)
  const b = factorsOf(part)
  const left = a.symbols.slice()
  for (const symbol of b.symbols) {
    const at = left.indexOf(symbol)
    if (at < 0) return undefined
    left.splice(at, 1)
  }
  if (b.count === 0 || a.count % b.count !== 0) return undefined
  return nameProduct(a.count / b.count, left)
}

/** Sum of sizes: a number if all are, else a symbol such as '(P+S)'. */
export function addDims(dims: readonly Dim[]): Dim {
  let count = 0
  const symbols: string[] = []
  for (const dim of dims) {
    if (typeof dim === 'number') count += dim
    else symbols.push(dim)
  }
  if (symbols.length === 0) return count
  if (symbols.length === 1 && count === 0) return symbols[0] as string
  return `(${[...symbols.toSorted(), ...(count ? [String(count)] : [])].join('+')})`
}

/** False only if two sizes are known to differ: a symbol may be any number. */
export const mayBeEqual = (a: Dim, b: Dim): boolean =>
  a === b || typeof a === 'string' || typeof b === 'string'

export const sameShape = (a: readonly Dim[], b: readonly Dim[]): boolean =>
  a.length === b.length && a.every((dim, i) => dim === b[i])

/** True if every size is a number. */
export const isStatic = (shape: readonly Dim[]): shape is readonly number[] =>
  shape.every((dim) => typeof dim === 'number')

/** Elements of a shape of numbers. */
export const elementsOf = (shape: readonly number[]): number => shape.reduce((all, dim) => all * dim, 1)
