// Knows: a constant rate after warm-up.
import type { Schedule } from './schedule.ts'

export const constant: Schedule = { name: 'constant', share: () => 1 }
