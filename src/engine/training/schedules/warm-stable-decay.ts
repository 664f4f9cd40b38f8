// Knows: a rate that is constant for four fifths of the steps and then decays to zero along 1 − √.
// Source: MiniCPM (Hu et al. 2024) for the form, Hägele et al. 2024 for the square root and the fifth.
import type { Schedule } from './schedule.ts'

const STABLE_SHARE = 0.8

export const warmStableDecay: Schedule = {
  name: 'warm-stable-decay',
  share: (done) => (done <= STABLE_SHARE ? 1 : 1 - Math.sqrt((done - STABLE_SHARE) / (1 - STABLE_SHARE))),
}
