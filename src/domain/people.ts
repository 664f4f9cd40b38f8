// Knows: people, where a record or a piece of work names a model: the answers that they gave need none.
import type { Cast } from './cast.ts'
import type { ModelRef } from './model-card.ts'
import type { TeacherDescription } from './teacher-description.ts'

/** A person, where a record names the model that wrote. */
export const PERSON: ModelRef = { name: 'a person', fingerprint: 'a-person', quantisation: '' }

/** In place of a model, for work that needs none: it supports nothing. */
const NOBODY: TeacherDescription = {
  card: {
    ...PERSON,
    form: 'endpoint',
    fileName: '',
    architecture: '',
    tensorTypes: {},
    hasChatTemplate: false,
  },
  backend: 'server',
  threads: 1,
  contextLength: 0,
  batch: 1,
  capabilities: {
    chat: false,
    rawPrompts: false,
    scores: false,
    embeddings: false,
    softTargets: false,
    logProbs: 0,
    sampling: [],
    seeded: true,
    outputFormats: [],
  },
  notes: [],
}

/** The models of a recipe that needs none. */
export const NO_MODELS: Cast = { teacher: NOBODY }
