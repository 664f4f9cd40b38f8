// Knows: the form of loaded weights, which the decoder defines.
export type * from '../models/decoder-weights.ts'
