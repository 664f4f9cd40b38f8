// A project's file with its stored replies: a run in another browser generates only what changed, and no reply makes a file invalid.
import { strToU8, unzipSync, zipSync } from 'fflate'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { RunControl } from '../../src/actions/control.ts'
import { openProject, type OpenedProject } from '../../src/actions/projects/open-project.ts'
import { saveProject, sizeReplies } from '../../src/actions/projects/save-project.ts'
import { startRun } from '../../src/actions/run/run-recipe.ts'
import type { ProjectId } from '../../src/domain/id.ts'
import type { Reply } from '../../src/domain/reply.ts'
import { eachSavedCall, writeCalls, type SavedCall } from '../../src/storage/calls.ts'
import type { Database } from '../../src/storage/database.ts'
import { makeSmallProject, readRecipe, RECIPE } from '../actions/small-project.ts'
import { finish, makeMachines, type TestMachines } from '../stand-ins/machines.ts'
import { installPrivateFiles, PrivateFiles } from '../stand-ins/private-files.ts'
import { DESCRIPTION } from '../stand-ins/teacher.ts'

let uninstall: () => void
beforeEach(() => (uninstall = installPrivateFiles(new PrivateFiles())))
afterEach(() => uninstall())

/** Results that the teacher gave for a run. */
async function countResults(machines: TestMachines, projectId: ProjectId, text = RECIPE): Promise<number> {
  const before = machines.standIn.resultCount
  await finish(
    startRun(machines, { projectId, recipe: readRecipe(text), teacher: DESCRIPTION }, new RunControl()),
  )
  return machines.standIn.resultCount - before
}
async function makeProjectWithRun() {
  const machines = await makeMachines()
  const projectId = await makeSmallProject(machines)
  return { machines, projectId, made: await countResults(machines, projectId) }
}
async function save(
  machines: TestMachines,
  projectId: ProjectId,
  withReplies: boolean,
): Promise<Uint8Array<ArrayBuffer>> {
  const { blob } = await finish(saveProject(machines, { projectId, withReplies }))
  return new Uint8Array(await blob.arrayBuffer())
}
/** Opens the file in an empty database. */
async function openElsewhere(
  bytes: Uint8Array<ArrayBuffer>,
): Promise<OpenedProject & { readonly machines: TestMachines }> {
  const machines = await makeMachines()
  const opened = await finish(openProject(machines, { file: new File([bytes], 'mine.retort.zip') }))
  if (!opened.ok) throw new Error(JSON.stringify(opened.problems))
  return { ...opened.value, machines }
}
async function repliesOf(db: Database, projectId: ProjectId): Promise<SavedCall[]> {
  const all: SavedCall[] = []
  for await (const page of eachSavedCall(db, projectId)) all.push(...page)
  return all
}
/** The file with the lines of its replies changed. */
function alter(
  bytes: Uint8Array,
  change: (lines: string[]) => (string | Uint8Array)[],
): Uint8Array<ArrayBuffer> {
  const entries = unzipSync(bytes)
  const lines = new TextDecoder().decode(entries['calls.jsonl']).trimEnd().split('\n')
  const parts = change(lines).flatMap((line) => [
    typeof line === 'string' ? strToU8(line) : line,
    Uint8Array.of(10),
  ])
  return zipSync({
    ...entries,
    'calls.jsonl': Uint8Array.from(parts.flatMap((part) => Array.from(part))),
  })
}

describe('a project file with its stored replies', () => {
  test('lets a run in another browser generate only what an edited recipe changed', async () => {
    const { machines, projectId } = await makeProjectWithRun()
    const bytes = await save(machines, projectId, true)
    const other = await openElsewhere(bytes)
    expect(other.notes).toEqual([])
    expect(await repliesOf(other.machines.db, other.project.id)).toEqual(
      await repliesOf(machines.db, projectId),
    )
    expect(await countResults(other.machines, other.project.id)).toBe(0)
    const edited = RECIPE.replace('n: 2', 'n: 3')
    const changed = await countResults(machines, projectId, edited)
    expect(changed).toBeGreaterThan(0)
    expect(await countResults(other.machines, other.project.id, edited)).toBe(changed)
  })

  test('has none unless they are wanted: then everything is generated again', async () => {
    const { machines, projectId, made } = await makeProjectWithRun()
    const bytes = await save(machines, projectId, false)
    expect(Object.keys(unzipSync(bytes))).not.toContain('calls.jsonl')
    const other = await openElsewhere(bytes)
    expect(await other.machines.db.count('calls')).toBe(0)
    expect(await countResults(other.machines, other.project.id)).toBe(made)
  })

  test('grows by about what was estimated', async () => {
    const { machines, projectId } = await makeProjectWithRun()
    const word = (i: number): string => ((i * 7919) % 100_003).toString(36)
    const replies = new Map(
      Array.from({ length: 6000 }, (_, i): [string, Reply] => [
        `${word(i)}${word(i * 31)}`.padStart(32, '0'),
        {
          kind: 'complete',
          result: {
            text: Array.from({ length: 40 }, (_none, j) => word(i * 40 + j)).join(' '),
            finishReason: 'end',
            promptTokens: 9,
            tokens: 40,
          },
        },
      ]),
    )
    await writeCalls(machines.db, projectId, { user: 'trial', replies, used: new Set() })
    const { replies: count, bytes } = await sizeReplies(machines, projectId)
    expect(count).toBe(await machines.db.count('calls'))
    const grown = (await save(machines, projectId, true)).length
    const bare = (await save(machines, projectId, false)).length
    expect(Math.abs(grown - bare - bytes)).toBeLessThan(0.2 * bytes)
  })

  test('keeps vectors, the log-probability of something impossible, and reasoning', async () => {
    const { machines, projectId } = await makeProjectWithRun()
    const replies = new Map<string, Reply>([
      [
        'e'.repeat(32),
        { kind: 'embed', result: { vector: Uint16Array.of(0x3800, 0x8001, 0xb800), cut: true } },
      ],
      ['f'.repeat(32), { kind: 'embed', result: { vector: new Uint16Array(0), refusal: 'Too long.' } }],
      ['a'.repeat(32), { kind: 'score', result: { logProbs: [-0.5, Number.NEGATIVE_INFINITY] } }],
      [
        'b'.repeat(32),
        {
          kind: 'complete',
          result: {
            text: '',
            finishReason: 'length',
            reasoning: 'Well …',
            unfinishedReasoning: true,
            promptTokens: 4,
            tokens: 8,
            logProbs: [{ text: 'W', logProb: -1, top: [{ text: 'W', logProb: -1 }], restProbability: 0.25 }],
          },
        },
      ],
      [
        'c'.repeat(32),
        { kind: 'novelty', decisions: [{ kind: 'dropped', reason: 'equal', evidence: { n: 1 } }] },
      ],
    ])
    await writeCalls(machines.db, projectId, { user: 'trial', replies, used: new Set() })
    const other = await openElsewhere(await save(machines, projectId, true))
    expect(other.notes).toEqual([])
    expect(await repliesOf(other.machines.db, other.project.id)).toEqual(
      await repliesOf(machines.db, projectId),
    )
  })
})

describe('stored replies in a file', () => {
  test('that are not readable are counted, and the rest is opened', async () => {
    const { machines, projectId } = await makeProjectWithRun()
    const bytes = await save(machines, projectId, true)
    const count = await machines.db.count('calls')
    const good = {
      key: 'd'.repeat(32),
      users: ['trial'],
      reply: { kind: 'score', result: { logProbs: [1] } },
    }
    const bad: readonly (string | Uint8Array)[] = [
      '{"half": ',
      'null',
      '[]',
      Uint8Array.of(0x7b, 0xff, 0xfe),
      ...[
        { ...good, key: '../../etc' },
        { ...good, key: 'D'.repeat(32) },
        { ...good, key: 7 },
        { ...good, users: [] },
        { ...good, users: ['trial again'] },
        { ...good, users: ['abcdef0123456789'] }, // no run of the project
        { ...good, users: ['comparison abcdef0123456789'] },
        { ...good, users: 'trial' },
        { ...good, reply: { kind: 'poem' } },
        ...['AH==', 'AAAA', 'AHw=', 'not base64', 'A'.repeat(1_000_000), [1, 2], { 0: 1 }].map((vector) => ({
          ...good,
          reply: { kind: 'embed', result: { vector } },
        })),
        { ...good, reply: { kind: 'score', result: { logProbs: ['-1'] } } },
        { ...good, reply: { kind: 'score', result: { logProbs: Array.from({ length: 2000 }, () => -1) } } },
        { ...good, reply: { kind: 'complete', result: { text: 'x'.repeat(1_000_001) } } },
      ].map((line) => JSON.stringify(line)),
    ]
    const opened = await openElsewhere(
      alter(bytes, (lines) => [...bad.slice(0, 8), ...lines, '', ...bad.slice(8), JSON.stringify(good)]),
    )
    expect(opened.notes).toEqual([
      `${bad.length} of the stored replies in the file are not readable and were left out; ${count + 1} were opened. A run generates what is missing again.`,
    ])
    expect(await opened.machines.db.count('calls')).toBe(count + 1)
    expect(await countResults(opened.machines, opened.project.id)).toBe(0)
  })

  test('lose users that the project does not have, and fields that no reply has', async () => {
    const { machines, projectId } = await makeProjectWithRun()
    const opened = await openElsewhere(
      alter(await save(machines, projectId, true), () => [
        '{"key":"dddddddddddddddddddddddddddddddd","users":["abcdef0123456789","trial"],"__proto__":{"x":1},"reply":{"kind":"score","more":1,"result":{"logProbs":[-1],"html":"<b>"}}}',
      ]),
    )
    expect(await repliesOf(opened.machines.db, opened.project.id)).toEqual([
      {
        key: 'dddddddddddddddddddddddddddddddd',
        users: ['trial'],
        reply: { kind: 'score', result: { logProbs: [-1] } },
      },
    ])
  })

  test('that are damaged are lost from there on, and everything else is opened', async () => {
    const { machines, projectId } = await makeProjectWithRun()
    const bytes = await save(machines, projectId, true)
    const entries = unzipSync(bytes)
    // Stored without compression, so that a byte can be changed at a known place.
    const plain = zipSync(entries, { level: 0 })
    const text = strToU8('"logProbs"')
    const at = plain.findIndex((_, i) => text.every((byte, j) => plain[i + j] === byte))
    expect(at).toBeGreaterThan(0)
    plain[at] = 0x20
    const opened = await openElsewhere(plain)
    expect(opened.notes.join(' ')).toContain('is damaged')
    expect(await opened.machines.db.count('rows')).toBe(await machines.db.count('rows'))
  })

  test('are not in the way of a line without end', async () => {
    const { machines, projectId } = await makeProjectWithRun()
    const bytes = await save(machines, projectId, true)
    const entries = unzipSync(bytes)
    const lines = entries['calls.jsonl'] ?? new Uint8Array()
    const count = await machines.db.count('calls')
    const long = new Uint8Array(17_000_000).fill(0x61)
    long[long.length - 1] = 10
    const whole = new Uint8Array(long.length + lines.length)
    whole.set(long)
    whole.set(lines, long.length)
    const opened = await openElsewhere(zipSync({ ...entries, 'calls.jsonl': whole }))
    expect(opened.notes.join(' ')).toContain('1 of the stored replies in the file is not readable')
    expect(await opened.machines.db.count('calls')).toBe(count)
  })
})
