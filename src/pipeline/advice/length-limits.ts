// Knows: when the limits on a completion's words drop most, and the limit that would keep nine in ten of the dropped.
import type { Advice } from './advice.ts'
import { mostDroppingIs, numberOf, quantile, type RunFacts } from './run-facts.ts'

export function adviseOnLength(facts: RunFacts): Advice | undefined {
  const bar = mostDroppingIs(facts, 'length')
  if (bar === undefined) return undefined
  const [min, max] = [numberOf(facts.recipe, bar.step, 'min'), numberOf(facts.recipe, bar.step, 'max')]
  const words = facts.measured.get(bar.step)?.['words'] ?? []
  if (min === undefined || max === undefined) return undefined
  const short = words.filter((count) => count < min)
  const long = words.filter((count) => count > max)
  const isShort = short.length >= long.length
  const value = isShort ? quantile(short, 0.1) : quantile(long, 0.9)
  if (value === undefined) return undefined
  const [count, limit] = isShort ? [short.length, min] : [long.length, max]
  const label = isShort ? 'Min words' : 'Max words'
  return {
    id: 'length-limits',
    sentence: `${count} of ${bar.reached} completions have ${isShort ? 'fewer' : 'more'} than ${limit} words. ${label} of ${value} would keep nine in ten of them.`,
    remedy: {
      label: `Set ${label} to ${value}`,
      change: { kind: 'set', step: bar.step, field: isShort ? 'min' : 'max', value },
    },
  }
}
