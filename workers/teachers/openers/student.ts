// Knows: a student that was trained here as a teacher: for self-distillation, and for what becomes of generations that learn from one another.
import { hashOfBytes } from '../../../src/domain/hash.ts'
import type { ModelSource, SizedCard } from '../../../src/domain/model.ts'
import { finalWeights } from '../../../src/engine/training/checkpoint.ts'
import { makeStudentWeights } from '../../../src/engine/training/student-weights.ts'
import { RetortError } from '../../../src/protocol/errors.ts'
import { forWriting, loadMerged } from '../../student/adapted-model.ts'
import { makeBrowserStores } from '../../student/browser-stores.ts'
import { needStoredStudent, type StoredStudent } from '../../student/stored-student.ts'
import type { StudentStores } from '../../student/stores.ts'
import { openEngineTeacher, type ReadableModel } from '../open-engine-teacher.ts'
import type { Opener } from '../sources.ts'

type StudentSource = Extract<ModelSource, { readonly kind: 'student' }>

/** Bytes in memory for each of its floats: the runtime's prepacked copies beside those of JavaScript, as for other weights. */
const COPIES = 2.55
const FLOAT = 4

/** Opens students of these stores. */
export function makeStudentOpener(stores: StudentStores): Opener<StudentSource> {
  const read = async ({ projectId, studentId }: StudentSource): Promise<ReadableModel> =>
    readStudent(await needStoredStudent(stores, projectId, studentId))
  return {
    inspect: async (source) => (await read(source)).card,
    open: async (source, { keep: _kept, letGo, ...options }) => {
      const model = await read(source)
      await letGo()
      return openEngineTeacher(model, options)
    },
  }
}

export const student: Opener<StudentSource> = makeStudentOpener(makeBrowserStores())

/** Throws `ModelRefused` for a student that answers with classes. */
async function readStudent(stored: StoredStudent): Promise<ReadableModel> {
  const { checkpoint, about, tokenizer, on } = stored
  if (about.classes)
    throw new RetortError(
      'ModelRefused',
      'This student answers with one of its classes and writes nothing, so it cannot be a teacher. Choose one that was trained on texts.',
    )
  const trained = finalWeights(checkpoint)
  const shape = on ? forWriting(on.shape) : checkpoint.shape
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
    memoryBytes: { wasm: Math.round(COPIES * bytes), webgpu: Math.round(2 * bytes) },
    fingerprint: own.slice(0, 16),
    hasChatTemplate: tokenizer.hasChatTemplate,
  }
  const loadWeights: ReadableModel['loadWeights'] = async () =>
    makeStudentWeights(
      shape,
      on && checkpoint.adapts ? await loadMerged(on, checkpoint.adapts, trained) : trained,
    )
  return { card, tokenizer, loadWeights, forms: ['f32'] }
}
