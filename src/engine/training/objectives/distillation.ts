// Knows: learning from the teacher's soft targets of each prediction, and from its hidden states if they count.
import { add, mul } from '../../graph/ops/index.ts'
import type { DecoderShape } from '../../models/shape.ts'
import type { HostTensor } from '../../runtime/types.ts'
import { smoothedDistillation, type DistillationOptions } from '../distillation.ts'
import { hiddenCosine } from '../hidden-cosine.ts'
import type { Batch } from '../packing.ts'
import type { Objective } from './objective.ts'
import { PLAIN_TEXTS } from './texts.ts'

/** `smoothing`: of the cross-entropy part, 0 to 1; default 0. */
export type SoftTargetOptions = DistillationOptions & { readonly smoothing?: number }

/**
 * Learns from the soft targets of a batch: `teacher_ids` i32 [R, k], `teacher_probabilities` f32 [R, k + 1] and, if they
 * count, `teacher_hidden` f32 [R, width]. Measured by plain cross-entropy, which needs no teacher.
 */
export function makeDistillation({
  smoothing = 0,
  hiddenShare = 0,
  ...options
}: SoftTargetOptions): Objective {
  return {
    sizesOf: (batch) => ({ topK: teacherOf(batch).topK }),
    open: (g, { width }, { topK = 0 }) => {
      const teacher = {
        ids: g.input('teacher_ids', 'i32', ['R', topK]),
        probabilities: g.input('teacher_probabilities', 'f32', ['R', topK + 1]),
      }
      const teacherHidden = hiddenShare > 0 ? g.input('teacher_hidden', 'f32', ['R', width]) : undefined
      return ({ hidden, head, targets, weights }) => {
        const soft = smoothedDistillation(g, hidden, head, targets, weights, teacher, {
          ...options,
          smoothing,
        })
        return teacherHidden
          ? add(g, soft, mul(g, hiddenCosine(g, hidden, teacherHidden, weights), g.scalar(hiddenShare)))
          : soft
      }
    },
    feed: (batch, shape) => {
      const { topK, ids, probabilities, hidden } = teacherOf(batch)
      const count = ids.length / topK
      return {
        ...(hiddenShare > 0 ? feedHidden(hidden, shape) : {}),
        teacher_ids: { dtype: 'i32', shape: [count, topK], data: ids },
        teacher_probabilities: { dtype: 'f32', shape: [count, topK + 1], data: probabilities },
      }
    },
    countOf: ({ counted }) => counted,
    evaluation: PLAIN_TEXTS,
  }
}

type Teacher = NonNullable<Batch['teacher']>

function teacherOf({ teacher }: Batch): Teacher {
  if (!teacher) throw new RangeError('The batch has no soft targets.')
  return teacher
}

function feedHidden(hidden: Teacher['hidden'], { width }: DecoderShape): Record<string, HostTensor> {
  if (hidden?.width !== width)
    throw new RangeError(
      hidden
        ? `The teacher’s hidden states have width ${hidden.width}, the student’s ${width}.`
        : 'The batch has no hidden states of the teacher.',
    )
  return {
    teacher_hidden: { dtype: 'f32', shape: [hidden.states.length / width, width], data: hidden.states },
  }
}
