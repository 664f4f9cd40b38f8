// Knows: which students' hidden states can be compared with a teacher's: those of the same width.
// Must not know: graphs, tensors.
import type { ModelForm } from '../../domain/model.ts'
import { STUDENT_PRESETS, type StudentPreset } from '../../domain/student.ts'
import { shapeOf } from './presets.ts'

const widthOf = (preset: StudentPreset): number => shapeOf(preset, 1, 1).width

/** Why the hidden states of a student of this size and of a teacher cannot be compared, and what would fit; undefined where they can. */
export function refuseWidths(
  preset: StudentPreset,
  teacher: { readonly name: string; readonly width?: number | undefined; readonly form?: ModelForm },
): string | undefined {
  const width = widthOf(preset)
  // A graph from elsewhere gives its logits only.
  if (teacher.width === undefined || teacher.form === 'onnx')
    return `${teacher.name} does not tell its hidden states. Set the weight of the hidden states to 0, or load the model from a GGUF file or from safetensors.`
  if (width === teacher.width) return undefined
  const fitting = STUDENT_PRESETS.find((one) => widthOf(one) === teacher.width)
  const widths = STUDENT_PRESETS.map(widthOf)
  const remedy = fitting
    ? `Choose the size “${fitting}”, which is ${teacher.width} wide, or set the weight of the hidden states to 0.`
    : `No size is ${teacher.width} wide: set the weight of the hidden states to 0, or take a teacher that is ${widths.slice(0, -1).join(', ')} or ${widths.at(-1)} wide.`
  return `The hidden states of ${teacher.name} are ${teacher.width} wide and those of a student of size “${preset}” ${width}; only states of one width can be compared. ${remedy}`
}

/** Bytes that a teacher's hidden states take in storage for each token of a completion: 16-bit floats. */
export const hiddenBytes = (width: number): number => 2 * width
