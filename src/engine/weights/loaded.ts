// Knows: the form in which weights are handed over: that of the decoder which takes them.
export type * from '../models/decoder-weights.ts'
