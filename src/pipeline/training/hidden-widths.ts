// Knows: which students' hidden states can be compared with a teacher's: those of the same width.
// Must not know: graphs, tensors.
import type { ModelForm } from '../../domain/model-card.ts'
import { STUDENT_PRESETS, type StudentPreset } from '../../domain/student.ts'
import { shapeOf } from './presets.ts'

const widthOf = (preset: StudentPreset): number => shapeOf(preset, 1, 1).width

/** Why the hidden states of a student of this size and of a teacher cannot be compared, and what would fit; undefined if they can. */
export function refuseWidths(
  preset: StudentPreset,
  teacher: { readonly name: string; readonly width?: number | undefined; readonly form?: ModelForm },
): string | undefined {
  const width = widthOf(preset)
  // An imported ONNX graph returns logits only.
  if (teacher.width === undefined || teacher.form === 'onnx')
    return `${teacher.name} does not return hidden states. Set “Hidden state loss weight” to 0, or load the model from a GGUF file or from safetensors.`
  if (width === teacher.width) return undefined
  const fitting = STUDENT_PRESETS.find((one) => widthOf(one) === teacher.width)
  const widths = STUDENT_PRESETS.map(widthOf)
  const remedy = fitting
    ? `Choose the model size “${fitting}”, which has width ${teacher.width}, or set “Hidden state loss weight” to 0.`
    : `No model size has width ${teacher.width}: set “Hidden state loss weight” to 0, or load a teacher of width ${widths.slice(0, -1).join(', ')} or ${widths.at(-1)}.`
  return `The hidden states of ${teacher.name} have width ${teacher.width}, but those of a student of size “${preset}” have width ${width}; only equal widths can be compared. ${remedy}`
}

/** Stored bytes of a teacher's hidden states per token of a completion: 16-bit floats. */
export const hiddenBytes = (width: number): number => 2 * width
