// Records of earlier versions under today's names: one record at a time, whatever is in it.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readRecord, RECORDS } from '../../../src/storage/records.ts'
import { PROJECT_STORES } from '../../../src/storage/schema.ts'
import { RECORD_VERSION, upgradeRecord } from '../../../src/storage/upgrades/index.ts'
import { readRecords, SUMMARY } from '../../stand-ins/project-of-0.1.ts'

describe('a record of version 1', () => {
  test.each(PROJECT_STORES)('is valid in today’s schema and loses no field, in %s', (store) => {
    const records = readRecords(store)
    expect(records).toHaveLength(SUMMARY.counts[store] ?? 0)
    for (const old of records) {
      const upgraded = upgradeRecord(store, old, 1)
      expect(readRecord(RECORDS[store], upgraded)).toEqual({ ok: true, record: upgraded })
      // A verdict is in a list now, as the field of an object.
      const lists = JSON.stringify(old).split('"verdict":{').length - 1
      expect(JSON.stringify(upgraded).match(/:/g)).toHaveLength(
        (JSON.stringify(old).match(/:/g)?.length ?? 0) + lists,
      )
    }
  })

  test.each([
    ['runs', { status: 'going', why: 'Stopped.' }, { status: 'running', reason: 'Stopped.' }],
    ['runs', { status: 'failed' }, { status: 'failed' }],
    ['journal', { key: 'seeds asked' }, { key: 'seeds added' }],
    ['journal', { key: 'grown to 3' }, { key: 'grown to 3' }],
    [
      'prompts',
      { answers: [{ step: 0, name: 'self-instruct', answer: { kind: 'dropped', reason: 'seeds asked' } }] },
      {
        decisions: [{ step: 0, name: 'self-instruct', decision: { kind: 'dropped', reason: 'seeds asked' } }],
      },
    ],
    [
      'rows',
      {
        completion: { text: 'asked', ending: 'length', sampling: { topK: 4 } },
        answers: [{ step: 1, name: 'length', answer: { kind: 'kept', evidence: { answer: 'why' } } }],
        status: 'rejected',
        rejectedByHand: { at: 1, before: 'asked' },
        verdict: { kind: 'unreadable', reason: 'mass' },
      },
      {
        completion: { text: 'asked', finishReason: 'length', sampling: { topK: 4 } },
        decisions: [{ step: 1, name: 'length', decision: { kind: 'kept', evidence: { answer: 'why' } } }],
        status: 'rejected',
        rejectedByHand: { at: 1, before: 'pending' },
        verdicts: [{ verdict: { kind: 'unreadable', reason: 'mass' } }],
      },
    ],
    [
      'students',
      {
        settings: {
          loss: 'on-policy',
          batch: 1,
          accumulate: 2,
          clip: 3,
          averaging: 4,
          choices: 5,
          ownFrom: 6,
          answerTokens: 7,
          answerTemperature: 8,
          temperature: 9,
        },
        trace: 'a.trace',
        teachers: [{ name: 'a', trace: 'a.trace' }, { name: 'b' }],
        points: [{ step: 1, wrong: 0.5 }, { step: 2 }],
        cutRows: 1,
        leftOutRows: 2,
        why: 'Stopped.',
      },
      {
        settings: {
          loss: 'on-policy',
          batchSize: 1,
          gradientAccumulation: 2,
          maxGradientNorm: 3,
          emaDecay: 4,
          topK: 5,
          textWarmUp: 6,
          maxTokens: 7,
          samplingTemperature: 8,
          temperature: 9,
        },
        softTargets: 'a.trace',
        teachers: [{ name: 'a', softTargets: 'a.trace' }, { name: 'b' }],
        points: [{ step: 1, errorRate: 0.5 }, { step: 2 }],
        truncatedRows: 1,
        skippedRows: 2,
        reason: 'Stopped.',
      },
    ],
    [
      'students',
      { settings: { loss: 'grpo', answers: 4, answerTokens: 5, temperature: 1 }, remarks: ['One class.'] },
      {
        settings: { loss: 'grpo', completionsPerPrompt: 4, maxTokens: 5, temperature: 1 },
        notes: ['One class.'],
      },
    ],
    [
      'students',
      { settings: { loss: 'reverse-kl', choices: 8 } },
      { settings: { loss: 'reverse-kl', topK: 8 } },
    ],
    [
      'students',
      {
        settings: { loss: 'lora', batch: 2, rank: 8 },
        adapts: { source: { kind: 'box', url: 'https://a.example/box' }, model: { name: 'box' } },
        trained: 5,
      },
      {
        settings: { loss: 'lora', batchSize: 2, rank: 8 },
        baseModel: { source: { kind: 'built-in', url: 'https://a.example/box' }, model: { name: 'box' } },
        trainedParameters: 5,
      },
    ],
    [
      'students',
      { adapts: { source: { kind: 'stored', name: 'box' } } },
      { baseModel: { source: { kind: 'stored', name: 'box' } } },
    ],
    ['seeds', { answer: 'why' }, { answer: 'why' }],
  ] as const)('of %s gets today’s names: %j', (store, old, upgraded) => {
    expect(upgradeRecord(store, old, 1)).toEqual(upgraded)
  })

  test('of version 3 keeps its verdicts, those on edited texts too, as lists', () => {
    const [first, second] = [
      { kind: 'unreadable', reason: 'mass' },
      { kind: 'score', score: 4 },
    ]
    const edit = { prompt: 'p', completion: 'c', editedAt: 1 }
    expect(upgradeRecord('rows', { verdict: first, edit: { ...edit, verdict: second } }, 3)).toEqual({
      verdicts: [{ verdict: first }],
      edit: { ...edit, verdicts: [{ verdict: second }] },
    })
    const untouched = { status: 'pending', edit }
    expect(upgradeRecord('rows', untouched, 3)).toBe(untouched)
  })

  test('stays unchanged if it is a record of today’s version', () => {
    for (const store of PROJECT_STORES)
      for (const old of readRecords(store)) expect(upgradeRecord(store, old, RECORD_VERSION)).toBe(old)
  })

  test('is upgraded without an error, whatever it contains', () => {
    const names = fc.constantFrom(
      'answers',
      'settings',
      'points',
      'teachers',
      'adapts',
      'status',
      '__proto__',
    )
    const value = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        fc.jsonValue({ maxDepth: 1 }),
        fc.array(tie('value'), { maxLength: 3 }),
        fc.dictionary(names, tie('value'), { maxKeys: 3 }),
      ),
    })).value
    fc.assert(
      fc.property(fc.constantFrom(...PROJECT_STORES), value, (store, old) => {
        expect(readRecord(RECORDS[store], upgradeRecord(store, old, 1)).ok).toBe(false)
      }),
    )
    for (const store of PROJECT_STORES)
      for (const other of [undefined, null, 5, 'asked', ['asked']])
        expect(upgradeRecord(store, other, 1)).toBe(other)
  })
})
