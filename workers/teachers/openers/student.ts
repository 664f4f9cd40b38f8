// Knows: a student that was trained here as a teacher: for self-distillation, and for chains of students that learn from one another.
import { hashOfBytes } from '../../../src/domain/hash.ts'
import type { SizedCard } from '../../../src/domain/model-card.ts'
import type { ModelSource } from '../../../src/domain/model-source.ts'
import { finalWeights } from '../../../src/engine/training/checkpoint.ts'
import { makeStudentWeights } from '../../../src/engine/training/student-weights.ts'
import { RetortError } from '../../../src/protocol/errors.ts'
import { withGenerationContext, loadMerged } from '../../student/base-model.ts'
import { makeBrowserStores } from '../../student/browser-stores.ts'
import { requireStoredStudent, type StoredStudent } from '../../student/stored-student.ts'
import type { StudentStores } from '../../student/stores.ts'
import { fromFloats } from '../kernel-sources.ts'
import { openEngineTeacher, type ReadableModel } from '../open-engine-teacher.ts'
import type { Opener } from './opener.ts'

type StudentSource = Extract<ModelSource, { readonly kind: 'student' }>

/** Copies of each float in memory: the runtime's prepacked copies in addition to those of JavaScript, as for other weights. */
const COPIES = 2.55
const FLOAT = 4

/** An opener of students in these stores. */
export function makeStudentOpener(stores: StudentStores): Opener<StudentSource> {
  const read = async ({ projectId, studentId }: StudentSource): Promise<ReadableModel> =>
    readStudent(await requireStoredStudent(stores, projectId, studentId))
  return {
    inspect: async (source) => (await read(source)).card,
    open: async (source, { keep: _kept, unloadPrevious, ...options }) => {
      const model = await read(source)
      await unloadPrevious()
      return openEngineTeacher(model, options)
    },
  }
}

export const student: Opener<StudentSource> = makeStudentOpener(makeBrowserStores())

/** Throws `ModelRefused` for a student that is a classifier. */
async function readStudent(stored: StoredStudent): Promise<ReadableModel> {
  const { checkpoint, about, tokenizer, baseModel: on } = stored
  if (about.classes)
    throw new RetortError(
      'ModelRefused',
      'This student is a classifier and generates no text, so it cannot be a teacher. Choose one that was trained on texts.',
    )
  const trained = finalWeights(checkpoint)
  const shape = on ? withGenerationContext(on.shape) : checkpoint.shape
  const parameters = on ? on.card.parameters : trained.length
  const bytes = FLOAT * parameters
  const own = hashOfBytes(new Uint8Array(trained.buffer, trained.byteOffset, trained.byteLength))
  const card: SizedCard = {
    name: on ? `Student on ${on.card.name}` : 'Student',
    form: 'student',
    fileName: `student at step ${checkpoint.state.step}`,
    fileBytes: trained.byteLength,
    architecture: on ? `${on.card.architecture} with adapters` : 'llama',
    parameters,
    quantisation: 'F32',
    tensorTypes: {},
    contextLength: shape.context,
    vocabularySize: shape.vocabulary,
    layers: shape.layers,
    width: shape.width,
    ...(on?.card.licence === undefined ? {} : { licence: on.card.licence }),
    memoryBytes: {
      wasm: Math.round(COPIES * bytes),
      webgpu: Math.round(2 * bytes),
      // The floats of JavaScript until they are packed.
      kernels: Math.round(2 * bytes),
    },
    fingerprint: own.slice(0, 16),
    hasChatTemplate: tokenizer.hasChatTemplate,
  }
  const loadWeights: ReadableModel['loadWeights'] = async () =>
    makeStudentWeights(
      shape,
      on && checkpoint.adapts ? await loadMerged(on, checkpoint.adapts, trained) : trained,
    )
  return {
    card,
    tokenizer,
    loadWeights,
    forKernels: () => fromFloats(shape, () => loadWeights('f32')),
    forms: ['f32'],
  }
}
