// A comparison: the same prompts for all three, both orders of every pair, stored complete or not at all.
import { describe, expect, test, vi } from 'vitest'
import { compareStudents, type CompareProgress } from '../../../src/actions/students/compare-students.ts'
import type { DatasetRow } from '../../../src/domain/dataset.ts'
import { contentId, freshId, type ProjectId, type StudentId } from '../../../src/domain/id.ts'
import type { CompletionRequest } from '../../../src/domain/completion-request.ts'
import type { Served } from '../../../src/protocol/channel.ts'
import type { StudentContract } from '../../../src/protocol/student.ts'
import { listComparisons } from '../../../src/storage/comparisons.ts'
import { putDataset } from '../../../src/storage/datasets.ts'
import { putStudent } from '../../../src/storage/students.ts'
import { finish, makeMachines, type TestMachines } from '../../stand-ins/machines.ts'
import { makeStudent, MODEL, storeProject } from '../../stand-ins/sample-project.ts'
import { DESCRIPTION, OTHER } from '../../stand-ins/teacher.ts'
import { RECIPE, readRecipe } from '../small-project.ts'

/** A student that echoes its prompt after training, and generates dots before, or nothing. */
const echo = (textBefore = '…'): Served<StudentContract> => ({
  listSoftTargets: async () => [],
  train: async () => ({ outcome: 'finished', step: 1 }),
  check: async () => ({ tried: 0, failed: 0, threads: 1 }),
  export: async () => ({ files: [] }),
  complete: async ({ which, requests }, { emit }) => {
    const complete = (id: string, input: CompletionRequest['input']): string =>
      which === 'before' || input.kind !== 'chat'
        ? textBefore
        : `${id.split('/')[0]}: ${input.messages.at(-1)?.content ?? ''}`
    for (const { id, input } of requests.toReversed())
      emit({
        kind: 'completion',
        result: { id, text: complete(id, input), finishReason: 'end', promptTokens: 5, tokens: 3 },
      })
    return { promptTokens: 0, sharedTokens: 0, newTokens: 0, ms: 0 }
  },
})

async function begin(
  heldOut: number,
  textBefore?: string,
  recipeText = RECIPE,
): Promise<{ machines: TestMachines; projectId: ProjectId; studentId: StudentId }> {
  const machines = await makeMachines({ student: echo(textBefore) })
  const projectId = freshId('project')
  const rows: DatasetRow[] = Array.from({ length: 10 + heldOut }, (_, i) => ({
    rowId: contentId('row', i),
    seedId: contentId('seed', i),
    split: i < 10 ? 'train' : 'held-out',
    system: '',
    prompt: `Question ${i}?`,
    completion: `Answer ${i}.`,
    editedByHand: false,
  }))
  const student = makeStudent(projectId, freshId('student'), { id: contentId('dataset', heldOut) })
  await storeProject(machines.db, projectId)
  await putDataset(
    machines.db,
    {
      projectId,
      id: student.datasetId,
      runId: freshId('run'),
      recipeHash: readRecipe().hash,
      recipeText,
      frozenAt: 1,
      rows: { train: 10, heldOut },
      teacher: MODEL,
      seeds: 10,
      funnel: [],
    },
    rows,
  )
  await putStudent(machines.db, student)
  return { machines, projectId, studentId: student.id }
}
const compare = (
  { machines, projectId, studentId }: Awaited<ReturnType<typeof begin>>,
  prompts = 20,
  signal?: AbortSignal,
) => compareStudents(machines, { projectId, studentId, teacher: DESCRIPTION, prompts }, signal)

describe('compareStudents', () => {
  test('gives all three the same prompts, scores each text, and judges every pair in both orders', async () => {
    const all = await begin(6)
    const reports: CompareProgress[] = []
    const compared = await finish(compare(all), (progress) => reports.push(progress))
    if (!compared.ok) throw new Error('refused')
    const { prompts } = compared.value
    expect(prompts.map(({ prompt }) => prompt).toSorted()).toEqual(
      Array.from({ length: 6 }, (_, i) => `Question ${10 + i}?`).toSorted(),
    )
    for (const { prompt, texts, verdicts, afterBefore, afterTeacher } of prompts) {
      expect(texts.before).toBe('…')
      expect(texts.after).toContain(prompt)
      expect(texts.teacher).not.toBe('')
      for (const verdict of Object.values(verdicts)) expect(verdict.kind).toBe('score')
      for (const pair of [afterBefore, afterTeacher]) {
        const [one, two] = [pair.shownFirst > 0.5, pair.shownSecond > 0.5]
        expect(pair.outcome).toBe(one && two ? 'first' : !one && !two ? 'second' : 'tie')
      }
    }
    expect(
      prompts.some(
        ({ afterBefore, afterTeacher }) => afterBefore.outcome === 'tie' || afterTeacher.outcome === 'tie',
      ),
    ).toBe(true)
    // 6 texts of the teacher, 18 scores, 24 orders of pairs.
    expect([all.machines.standIn.completed.length, all.machines.standIn.scored.length]).toEqual([6, 42])
    expect(reports.at(-1)).toMatchObject({ phase: 'finished', done: 60, total: 60 })
    expect(await listComparisons(all.machines.db, all.projectId)).toEqual([compared.value])
  })

  test('is judged by the judge of its own, which completes nothing, and records both', async () => {
    const { machines, projectId, studentId } = await begin(6)
    const compared = await finish(
      compareStudents(machines, { projectId, studentId, teacher: DESCRIPTION, judge: OTHER, prompts: 20 }),
    )
    if (!compared.ok) throw new Error('refused')
    expect([machines.standIn.completed.length, machines.standIn.scored.length]).toEqual([6, 0])
    expect([machines.judgeStandIn.completed.length, machines.judgeStandIn.scored.length]).toEqual([0, 42])
    expect([compared.value.judge.name, compared.value.teacher?.name]).toEqual(['Other', 'Stand-in'])
    const names = compared.value.prompts.flatMap(({ verdicts, afterBefore, afterTeacher }) =>
      [...Object.values(verdicts), afterBefore, afterTeacher].map(({ judge }) => judge.name),
    )
    expect(new Set(names)).toEqual(new Set(['Other']))
    const mute = { ...OTHER, capabilities: { ...OTHER.capabilities, scores: false } }
    expect(
      await finish(
        compareStudents(machines, { projectId, studentId, teacher: DESCRIPTION, judge: mute, prompts: 20 }),
      ),
    ).toMatchObject({
      problems: [
        {
          sentence:
            'Other does not support the probabilities that a score needs. Load another model for the judge, then compare.',
        },
      ],
    })
  })

  test.each([
    [
      'rubric',
      RECIPE.replace('- judge: rubric\n', '- judge: rubric\n    by: critic\n    rubric: correctness@1\n'),
    ],
    [
      'comparison in pairs',
      RECIPE.replace(
        /- judge: rubric\n {2}- keep: threshold\n {4}min: 2.6\n/,
        '- compare: pairwise\n    by: critic\n    rubric: correctness@1\n  - keep: pair-preferred\n',
      )
        .replace('teacher-text', 'dpo')
        .replace(/ {4}(preset|vocabulary|context):.*\n/g, ''),
    ],
  ])('is judged by the role that the %s of its recipe names', async (_step, recipeText) => {
    const { machines, projectId, studentId } = await begin(3, undefined, recipeText)
    const models = { critic: OTHER }
    const compared = await finish(
      compareStudents(machines, { projectId, studentId, teacher: DESCRIPTION, models, prompts: 20 }),
    )
    if (!compared.ok) throw new Error(JSON.stringify(compared.problems))
    expect([compared.value.judge.name, compared.value.teacher?.name]).toEqual(['Other', 'Stand-in'])
    expect(machines.standIn.scored).toEqual([])
    expect(compared.value.prompts[0]?.verdicts.after.rubric).toBe('correctness@1')
    const mute = { ...OTHER, capabilities: { ...OTHER.capabilities, scores: false } }
    expect(
      await finish(
        compareStudents(machines, {
          projectId,
          studentId,
          teacher: DESCRIPTION,
          models: { critic: mute },
          prompts: 20,
        }),
      ),
    ).toMatchObject({
      problems: [
        { sentence: expect.stringMatching(/^Other does not .* Load another model for the role critic/) },
      ],
    })
  })

  test('lets a role of a recipe have the name of a student', async () => {
    const { machines, projectId, studentId } = await begin(
      2,
      undefined,
      RECIPE.replace('- judge: rubric\n', '- judge: rubric\n    by: after\n'),
    )
    const compared = await finish(
      compareStudents(machines, {
        projectId,
        studentId,
        teacher: DESCRIPTION,
        models: { after: OTHER },
        prompts: 20,
      }),
    )
    if (!compared.ok) throw new Error(JSON.stringify(compared.problems))
    expect(compared.value.judge.name).toBe('Other')
    expect(compared.value.prompts[0]?.texts.after).toMatch(/^\d: Question/)
  })

  test('gives empty texts the lowest score and lets them lose, without the judge', async () => {
    const all = await begin(3, ' \n')
    const compared = await finish(compare(all))
    if (!compared.ok) throw new Error('refused')
    for (const { verdicts, afterBefore } of compared.value.prompts) {
      expect(verdicts.before).toMatchObject({ kind: 'score', score: 1 })
      expect(afterBefore).toMatchObject({ outcome: 'first', shownFirst: 1, shownSecond: 1 })
    }
    // 6 scores and 6 orders of pairs with the teacher.
    expect(all.machines.standIn.scored.length).toBe(12)
  })

  test('takes the requested number of prompts, the same ones each time', async () => {
    const all = await begin(9)
    const promptsOf = async (): Promise<string[]> => {
      const compared = await finish(compare(all, 4))
      return compared.ok ? compared.value.prompts.map(({ prompt }) => prompt) : []
    }
    const first = await promptsOf()
    expect(first).toHaveLength(4)
    expect(await promptsOf()).toEqual(first)
  })

  test('stores nothing when it is cancelled or its judge dies', async () => {
    const all = await begin(5)
    const abort = new AbortController()
    all.machines.standIn.beforeResult = (given) => (given === 9 ? 'silence' : undefined)
    const ending = finish(compare(all, 5, abort.signal))
    await vi.waitFor(() => expect(all.machines.standIn.resultCount).toBe(9))
    abort.abort()
    await expect(ending).rejects.toMatchObject({ name: 'AbortError' })
    all.machines.standIn.beforeResult = (given) => {
      if (given === 14) all.machines.kill('teacher')
    }
    await expect(finish(compare(all))).rejects.toMatchObject({ name: 'WorkerDied' })
    expect(await listComparisons(all.machines.db, all.projectId)).toEqual([])
  })

  test('repeats nothing that a cancelled comparison made, and keeps no reply afterwards', async () => {
    const whole = await begin(5)
    const wanted = await finish(compare(whole))
    const all = await begin(5)
    const abort = new AbortController()
    all.machines.standIn.beforeResult = (given) => (given === 9 ? 'silence' : undefined)
    const ending = finish(compare(all, 5, abort.signal))
    await vi.waitFor(() => expect(all.machines.standIn.resultCount).toBe(9))
    abort.abort()
    await expect(ending).rejects.toMatchObject({ name: 'AbortError' })
    all.machines.standIn.beforeResult = () => undefined
    const compared = await finish(compare(all))
    if (!compared.ok || !wanted.ok) throw new Error('refused')
    expect(compared.value.prompts).toEqual(wanted.value.prompts)
    expect(all.machines.standIn.resultCount).toBe(whole.machines.standIn.resultCount)
    expect(await all.machines.db.count('calls')).toBe(0)
  })

  test('names the prompt that cannot be compared, and stores nothing', async () => {
    const noText: string = JSON.parse('7')
    const all = await begin(3, noText)
    await expect(finish(compare(all))).rejects.toThrow(
      /^The prompt “Question \d+\?” could not be compared: .+\. What was generated for the others is stored/,
    )
    expect(await listComparisons(all.machines.db, all.projectId)).toEqual([])
  })

  test('marks texts that the judge could not read, and counts them for neither side', async () => {
    const all = await begin(3)
    all.machines.standIn.beforeResult = (_, id) =>
      id.startsWith('0/') ? { refusal: 'too long for the judge' } : undefined
    const compared = await finish(compare(all))
    if (!compared.ok) throw new Error('refused')
    expect(compared.value.prompts[0]?.verdicts.after).toMatchObject({
      kind: 'unreadable',
      reason: 'too long for the judge',
    })
    expect(compared.value.prompts[0]?.afterBefore).toMatchObject({
      outcome: 'tie',
      unreadable: expect.any(String),
    })
    expect(compared.value.prompts[1]?.afterBefore.unreadable).toBeUndefined()
  })

  test('returns a problem if there is nothing to compare on', async () => {
    const all = await begin(0)
    expect(await finish(compare(all))).toMatchObject({
      ok: false,
      problems: [{ sentence: expect.stringMatching(/no held-out row.*Freeze again/) }],
    })
    expect(await finish(compare({ ...all, studentId: 'none' as StudentId }))).toMatchObject({
      ok: false,
      problems: [{ sentence: expect.stringMatching(/student is no longer stored/) }],
    })
    const mute = { ...DESCRIPTION, capabilities: { ...DESCRIPTION.capabilities, scores: false } }
    expect(
      await finish(
        compareStudents(all.machines, {
          projectId: all.projectId,
          studentId: all.studentId,
          teacher: mute,
          prompts: 5,
        }),
      ),
    ).toMatchObject({
      ok: false,
      problems: [{ sentence: expect.stringMatching(/Stand-in does not support the probabilities/) }],
    })
  })
})
