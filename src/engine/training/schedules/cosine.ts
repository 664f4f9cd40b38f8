// Knows: half a cosine down to a tenth. Source: Loshchilov and Hutter 2017; the floor is Llama's choice.
import type { Schedule } from './schedule.ts'

const FLOOR = 0.1

export const cosine: Schedule = {
  name: 'cosine',
  share: (done) => FLOOR + ((1 - FLOOR) * (1 + Math.cos(Math.PI * done))) / 2,
}
