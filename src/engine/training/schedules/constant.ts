// Knows: a rate that stays where the rise has brought it.
import type { Schedule } from './schedule.ts'

export const constant: Schedule = { name: 'constant', share: () => 1 }
