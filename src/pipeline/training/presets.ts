// Knows: the sizes of a student. Widths and depths are ours; the proportions (feed-forward near 8/3 of the width, half as many
// key-value heads as heads) are Llama's (Touvron et al. 2023).
import { countParameters, type StudentPreset, type StudentShape } from '../../domain/student.ts'

type Size = Omit<StudentShape, 'vocabulary' | 'context'>

/** Parameters at a vocabulary of 1024: 0.10, 0.40, 0.89, 1.8, 3.0, 10.1 and 28.9 million. Heads are 16 to 64 wide. `fair` is as wide as the built-in teacher, `huge` as SmolLM2-135M, so their hidden states can be compared. */
const SIZES: Readonly<Record<StudentPreset, Size>> = {
  nano: { layers: 2, width: 48, heads: 3, kvHeads: 1, feedForward: 128 },
  micro: { layers: 3, width: 96, heads: 4, kvHeads: 2, feedForward: 256 },
  small: { layers: 4, width: 128, heads: 4, kvHeads: 2, feedForward: 368 },
  fair: { layers: 4, width: 192, heads: 6, kvHeads: 3, feedForward: 512 },
  medium: { layers: 4, width: 256, heads: 8, kvHeads: 4, feedForward: 640 },
  large: { layers: 6, width: 384, heads: 8, kvHeads: 4, feedForward: 1024 },
  huge: { layers: 8, width: 576, heads: 9, kvHeads: 3, feedForward: 1536 },
}

/** The shape of a preset at a vocabulary (entries) and a context (tokens). */
export const shapeOf = (preset: StudentPreset, vocabulary: number, context: number): StudentShape => ({
  ...SIZES[preset],
  vocabulary,
  context,
})

/** Parameters of a preset at a vocabulary; the head is the embedding. */
export const countPresetParameters = (preset: StudentPreset, vocabulary: number): number =>
  countParameters(shapeOf(preset, vocabulary, 1))
