// Knows: a rate that stays for four fifths of the time and then falls to nothing along 1 − √.
// Source: MiniCPM (Hu et al. 2024) for the form, Hägele et al. 2024 for the square root and the fifth.
import type { Schedule } from './schedule.ts'

const STAYS = 0.8

export const warmStableDecay: Schedule = {
  name: 'warm-stable-decay',
  share: (done) => (done <= STAYS ? 1 : 1 - Math.sqrt((done - STAYS) / (1 - STAYS))),
}
