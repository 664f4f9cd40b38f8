// Knows: a stored row for tests, everything about it plain.
import { rowId, type Row, type RowStatus } from '../../src/domain/row.ts'
import { promptId } from '../../src/domain/prompt.ts'
import { seedId } from '../../src/domain/seed.ts'
import type { ProjectId, RunId } from '../../src/domain/id.ts'

const TEACHER = { name: 'Little teacher', fingerprint: '0123456789abcdef', quantisation: 'F32' }

export function makeRow({
  projectId,
  runId,
  order,
  status,
}: {
  projectId: ProjectId
  runId: RunId
  order: number
  status: RowStatus
}): Row {
  const sampling = {
    temperature: 0,
    topK: 0,
    topP: 1,
    minP: 0,
    repetitionPenalty: 1,
    maxTokens: 20,
    stop: [],
    rngSeed: String(order),
  }
  return {
    projectId,
    runId,
    id: rowId(['row', order]),
    promptId: promptId(['prompt', order]),
    seedId: seedId('a seed'),
    prompt: `Prompt ${order}`,
    variant: 0,
    order,
    completion: {
      text: `Completion ${order}`,
      finishReason: 'end',
      tokens: 3,
      teacher: TEACHER,
      system: '',
      sampling,
      writtenAt: 1,
    },
    decisions: [],
    status,
    ...(status === 'dropped' ? { droppedBy: 'length' } : {}),
  }
}
