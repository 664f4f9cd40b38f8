// Knows: linear decay to zero (Hugging Face's `linear`; Bergsma et al. 2025 find it best for short runs).
import type { Schedule } from './schedule.ts'

export const linear: Schedule = { name: 'linear', share: (done) => 1 - done }
