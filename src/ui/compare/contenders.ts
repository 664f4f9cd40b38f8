// Knows: what the three that are compared are called, and their colours.
import type { Contender } from '../../domain/comparison.ts'

export const CONTENDER_TEXTS: Readonly<Record<Contender, string>> = { before: 'Student before', after: 'Student after', teacher: 'Teacher' }
export const CONTENDER_COLOURS: Readonly<Record<Contender, string>> = { before: 'var(--before)', after: 'var(--after)', teacher: 'var(--teacher)' }
