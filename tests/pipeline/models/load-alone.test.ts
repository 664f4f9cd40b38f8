import { expect, test } from 'vitest'
import type { ModelSource } from '../../../src/domain/model-source.ts'
import { canLoadAlone } from '../../../src/pipeline/models/load-alone.ts'
import { freshId } from '../../../src/domain/id.ts'

const PAGE = 'https://page.example/some/where/'
const alone = (source: ModelSource): boolean => canLoadAlone(source, PAGE)

test('what is at hand can be loaded without a person; what has to be downloaded or connected to cannot', () => {
  const file = new File([], 'a.gguf')
  const project = { projectId: freshId('project'), studentId: freshId('student') }
  const atHand: ModelSource[] = [
    { kind: 'file', file },
    { kind: 'files', name: 'a', files: [{ path: 'a', file }] },
    { kind: 'stored', name: 'a' },
    { kind: 'built-in', url: 'teacher/model.gguf' },
    { kind: 'student', ...project },
    { kind: 'url', url: 'models/a.gguf' },
    { kind: 'url', url: 'https://page.example/elsewhere/a.gguf' },
  ]
  expect(atHand.map(alone)).toEqual(atHand.map(() => true))
  const elsewhere: ModelSource[] = [
    { kind: 'url', url: 'https://other.example/a.gguf' },
    { kind: 'hub', url: 'https://page.example/owner/name' },
    { kind: 'web-llm', model: 'a' },
    { kind: 'endpoint', url: 'http://localhost:1234/v1', model: 'a' },
  ]
  expect(elsewhere.map(alone)).toEqual(elsewhere.map(() => false))
})
