// Files as people drop them, each with what becomes of it: those of ../shared/cases where it is there, and others of the same kinds.
import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import type { ChatMessage } from '../../../src/domain/completion-request.ts'
import { readSeeds, type ReadOptions } from '../../../src/pipeline/seeds/read-seeds.ts'
import { projectId } from '../samples.ts'

async function read(name: string, content: BlobPart, options: Partial<ReadOptions> = {}) {
  const seeds: (readonly [text: string, answer?: string])[] = []
  const problems: string[] = []
  const found = {
    seeds,
    problems,
    report: [] as string[],
    undecided: false,
    lines: [] as number[],
    earlier: [] as ChatMessage[][],
  }
  const source =
    name === ''
      ? { kind: 'text' as const, text: content as string }
      : { kind: 'file' as const, file: new File([content], name) }
  for await (const batch of readSeeds(source, { projectId, now: 7, ...options })) {
    for (const { text, answer, line, earlier } of batch.seeds) {
      found.earlier.push([...(earlier ?? [])])
      seeds.push(answer === undefined ? [text] : [text, answer])
      found.lines.push(line)
    }
    problems.push(...batch.problems.map(({ line, sentence }) => `${line ?? '-'}: ${sentence}`))
    found.report = batch.report.sentences()
    found.undecided = batch.undecided === true
  }
  return found
}
type Found = Awaited<ReturnType<typeof read>>

const folder = new URL('../../../../shared/cases/seeds/', import.meta.url)
const isThere = existsSync(folder)
if (!isThere) console.warn('Skipped: ../shared/cases with the files that people dropped is missing.')

const CASES: readonly (readonly [file: string, seeds: Found['seeds'], says: readonly RegExp[]])[] = [
  ['unknown-headers.csv', [], []],
  [
    'unquoted-comma.csv',
    [['Hi, how are you?', 'fine']],
    [/^3: The row has 3 cells, and the table has 2 columns, so it was not added\./],
  ],
  ['one-column.csv', [['Hello, dear world'], ['Good night']], []],
  ['space-before-quote.csv', [['Say hi', 'Hello, you']], []],
  ['sep-line.csv', [['How far is it?', '12 km']], []],
  ['comment-first.csv', [['How far is it?', '12 km']], [/^Skipped 1 comment line before the header\.$/]],
  ['pipes.csv', [['How far is it?', '12 km']], []],
  [
    'newline-in-quotes.tsv',
    [
      ['Say hi', 'line one\nline two'],
      ['Bye', 'ok'],
    ],
    [],
  ],
  [
    'typed-answers.jsonl',
    [
      ['What is two plus two?', '4'],
      ['What is pi, roughly?', '3.14'],
      ['Is water wet?', 'true'],
      ['Name two letters.'],
    ],
    [/^Did not read `answer` as an answer .* in 1 row\.$/],
  ],
  [
    'context.jsonl',
    [
      ['Who wrote it?\n\nAnn wrote the letter.', 'Ann'],
      ['What has Ann?\n\nAnn has a dog.', 'a dog'],
    ],
    [/^Put `context` into the prompt in 2 rows\.$/],
  ],
  [
    'chats.jsonl',
    [['What is fresh?', 'Rye bread.']],
    [
      /^Read `messages` as a conversation in 1 row\.$/,
      /^Kept 2 earlier messages and 1 system message before the prompts\.$/,
    ],
  ],
  ['array.jsonl', [['One?'], ['Two?']], []],
  ['trailing-commas.jsonl', [['One?'], ['Two?']], []],
  ['pretty.jsonl', [['One?'], ['Two?']], []],
  [
    'list-marks.txt',
    [['Write a poem about rain.'], ['Explain tides.'], ['Draw up a plan for a garden.']],
    [/^Took the list mark off 3 lines\.$/],
  ],
  [
    'known-sets.jsonl',
    [
      ['What is 2+2?', '4'],
      ['Translate: chat', 'cat'],
      ['Hi?', 'Hello.'],
      ['Say hi.'],
      ['A lovely film.', 'positive'],
    ],
    [/^Kept `solution` with the seed in 1 row\.$/],
  ],
  ['lone-surrogate.jsonl', [['Broken \uFFFD emoji']], [/^Replaced half a character by “\uFFFD” in 1 row\.$/]],
]

describe.skipIf(!isThere)('a dropped file (needs ../shared/cases)', () => {
  test.each(CASES)('%s gives its seeds and reports the rest', async (file, seeds, says) => {
    const found = await read(file, readFileSync(new URL(file, folder)))
    expect(found.seeds).toEqual(seeds)
    expect(found.undecided).toBe(file === 'unknown-headers.csv')
    const sentences = [...found.problems, ...found.report]
    for (const expected of says) expect(sentences.filter((text) => expected.test(text))).toHaveLength(1)
    expect(found.problems).toHaveLength(file === 'unquoted-comma.csv' ? 1 : 0)
  })
})

describe('a table', () => {
  test.each([
    ['a semicolon in cells', 'a.csv', 'prompt,answer\n"One; two?",x; y\n', [['One; two?', 'x; y']]],
    ['sep= with a tab', 'a.csv', 'sep=\t\nprompt\tanswer\nOne, two?\tx\n', [['One, two?', 'x']]],
    ['sep= with a bar, quoted', 'a.csv', '"sep=|"\r\nprompt|answer\r\nOne?|x\r\n', [['One?', 'x']]],
    ['blank and comment lines', 'a.tsv', '\n# one\n\n# two, three\nprompt\tanswer\nA?\tb\n', [['A?', 'b']]],
    ['a header behind #', 'a.csv', '#prompt,answer\nA?,b\n', [['A?', 'b']]],
    ['a .csv with tabs', 'a.csv', 'prompt\tanswer\nA, b?\tc\n', [['A, b?', 'c']]],
    [
      'empty cells behind the last',
      'a.csv',
      'prompt,answer,\nA?,b,\nC?,d,,,\n',
      [
        ['A?', 'b'],
        ['C?', 'd'],
      ],
    ],
    [
      'one column with quotes',
      'a.csv',
      'question\n"One, ""two""?"\nThree, four?\n',
      [['One, "two"?'], ['Three, four?']],
    ],
    [
      'lines of text with commas',
      'a.csv',
      'Hello, dear world\nGood night\nWhy, oh why?\n',
      [['Hello, dear world'], ['Good night'], ['Why, oh why?']],
    ],
    [
      'a list of lines that begin with #',
      'a.csv',
      '#one is what?\n#two is what?\n',
      [['#one is what?'], ['#two is what?']],
    ],
    ['a byte order mark in pasted text', '', '\uFEFFprompt\tanswer\nA?\tb', [['A?', 'b']]],
    [
      'its context',
      'a.csv',
      'passage,question,answer\nAnn has a dog.,What has Ann?,a dog\n',
      [['What has Ann?\n\nAnn has a dog.', 'a dog']],
    ],
    ['a text with its label', 'a.csv', 'text,label\nA lovely film,1\n', [['A lovely film', '1']]],
  ] as const)('is read with %s', async (_what, name, content, seeds) => {
    const found = await read(name, content)
    expect(found.seeds).toEqual(seeds)
    expect(found.problems).toEqual([])
  })

  test('keeps a line end inside a quoted cell as it is', async () => {
    const found = await read('a.csv', 'prompt,answer\r\n"One\r\ntwo?",x\r\nThree?,y')
    expect(found.seeds).toEqual([
      ['One\r\ntwo?', 'x'],
      ['Three?', 'y'],
    ])
    expect(found.lines).toEqual([2, 4])
  })

  test('counts columns that are not used, and names them', async () => {
    const found = await read('a.csv', 'id,prompt,answer,topic\n1,A?,b,\n2,C?,,x\n')
    expect(found.report).toEqual([
      'Read `prompt` as the prompt in 2 rows.',
      'Read `answer` as the answer in 1 row.',
      'Ignored: `id` in 2 rows, `topic` in 1 row.',
    ])
  })

  test('with a header and no rows is not called blank', async () => {
    expect((await read('a.csv', 'prompt,answer\n')).problems).toEqual([
      '-: a.csv contains no seed: it has a header and no rows.',
    ])
  })
})

describe('JSON in lines', () => {
  test.each([
    [
      'a list that begins and ends in lines of records',
      '[{"prompt":"A?"},\n {"prompt":"B?"}]\n',
      ['A?', 'B?'],
    ],
    ['a list in one line', '[{"prompt":"A?"},{"prompt":"B?"}]', ['A?', 'B?']],
    ['a list of texts', '[\n"A?",\n"B?"\n]', ['A?', 'B?']],
    [
      'a list of printed records',
      '[\n  {\n    "prompt": "A?"\n  },\n  {\n    "prompt": "B?"\n  }\n]\n',
      ['A?', 'B?'],
    ],
    [
      'nested printed records',
      '{\n "prompt": "A?",\n "meta": {\n  "x": [\n   {"prompt": "no"}\n  ]\n }\n}\n{"prompt":"B?"}',
      ['A?', 'B?'],
    ],
    ['brackets in texts', '{\n "prompt": "A ] } \\" { ?"\n}\n{"prompt": "B [?"}', ['A ] } " { ?', 'B [?']],
  ])('reads %s', async (_what, content, texts) => {
    for (const name of ['a.jsonl', 'a.json', '']) {
      const found = await read(name, content)
      expect(found.seeds.map(([text]) => text)).toEqual(texts)
      expect(found.problems).toEqual([])
    }
  })

  test('resumes after a record that is cut off, and names its line', async () => {
    const found = await read(
      'a.jsonl',
      '{"prompt": "A?"}\n{"prompt": "cut",\n{"prompt": "B?"}\n{"prompt": "in a str\n{"prompt": "C?"}\n{"x": [\n{"prompt": "D?"}\n',
    )
    expect(found.seeds.map(([text]) => text)).toEqual(['A?', 'B?', 'C?', 'D?'])
    expect(found.problems.map((problem) => problem.split(':')[0])).toEqual(['2', '4', '6'])
  })

  test('reports a list that is not closed, and an empty one', async () => {
    const open = await read('a.jsonl', '[\n{"prompt":"A?"},\n')
    expect(open.seeds).toEqual([['A?']])
    expect(open.problems).toEqual([expect.stringMatching(/^1: The list that begins here is not closed/)])
    for (const name of ['a.json', 'a.jsonl'])
      expect((await read(name, ' [] ')).problems).toEqual(['1: The list is empty: it has no seed.'])
  })
})

describe('a record', () => {
  const one = async (record: unknown) => read('a.jsonl', JSON.stringify(record))
  test.each([
    [{ prompt: 'A?', answer: 0 }, 'A?', '0'],
    [{ prompt: 'A?', answer: false }, 'A?', 'false'],
    [{ prompt: 'A?', answer: ['only'] }, 'A?', 'only'],
    [{ question: 'A?', answers: { text: [], answer_start: [] } }, 'A?', undefined],
    [{ question: 'A?', answers: [{ text: 'x' }, { text: 'y' }] }, 'A?', 'x'],
    [{ question: 'A?', answer: { value: 'x', aliases: ['y'] } }, 'A?', 'x'],
    [{ Question: 'A?', Answer: 'x' }, 'A?', 'x'],
    [{ prompt: '  ', question: 'A?', response: 'x' }, 'A?', 'x'],
    [{ human: 'A?', gpt: 'x' }, 'A?', 'x'],
    [{ instruction: 'A?', input: 'B', context: 'C', output: 'x' }, 'A?\n\nB\n\nC', 'x'],
    [{ question: 'Which?', choices: ['red', 'blue'], answer: 'red' }, 'Which?\n\nred\nblue', 'red'],
    [{ question: 'Which?', options: { A: 'red', B: 'blue' }, answer: 'A' }, 'Which?\n\nA: red\nB: blue', 'A'],
    [
      [
        { role: 'user', content: 'A?' },
        { role: 'assistant', content: 'x' },
      ],
      'A?',
      'x',
    ],
    [{ messages: [{ role: 'user', content: [{ type: 'text', text: 'A?' }] }] }, 'A?', undefined],
    [{ prompt: 'A\ud83d?', answer: 'x\udc00' }, 'A\uFFFD?', 'x\uFFFD'],
  ])('%j is read', async (record, text, answer) => {
    const found = await one(record)
    expect(found.seeds).toEqual([answer === undefined ? [text] : [text, answer]])
    expect(found.problems).toEqual([])
  })

  test('never shows a value as [object Object]', async () => {
    const odd = { a: { b: { c: 1 } }, list: [{ d: 1 }, [2]] }
    for (const record of [
      odd,
      { prompt: odd },
      { prompt: 'A?', answer: odd },
      { prompt: 'A?', context: odd },
      { messages: [odd] },
      { instruction: 'A?', instances: [[odd]] },
    ]) {
      const found = await one(record)
      expect(JSON.stringify(found)).not.toContain('[object')
    }
  })

  test('that is a conversation keeps all its messages, whatever form they have', async () => {
    const turns = [
      ['system', 'You are a baker.'],
      ['user', 'Hi?'],
      ['assistant', 'Hello.'],
      ['user', 'What is fresh?'],
      ['assistant', 'Rye bread.'],
    ] as const
    const openai = turns.map(([role, content]) => ({ role, content }))
    const names = { system: 'system', user: 'human', assistant: 'gpt' }
    const shareGpt = turns.map(([role, value]) => ({ from: names[role], value }))
    const history = [['Hi?', 'Hello.']]
    const records = [
      { messages: openai },
      openai,
      { conversations: shareGpt },
      { system: 'You are a baker.', conversations: shareGpt.slice(1) },
      {
        prompt: openai.slice(0, -1),
        chosen: openai.slice(-1),
        rejected: [{ role: 'assistant', content: 'No.' }],
      },
      { prompt: openai.slice(0, -1), completion: openai.slice(-1) },
      { system: 'You are a baker.', instruction: 'What is fresh?', history, output: 'Rye bread.' },
      { prompt: 'What is fresh?', earlier: JSON.stringify(openai.slice(0, 3)), completion: 'Rye bread.' },
    ]
    for (const record of records) {
      const found = await read('a.jsonl', JSON.stringify(record))
      expect(found.seeds, JSON.stringify(record)).toEqual([['What is fresh?', 'Rye bread.']])
      expect(found.earlier).toEqual([openai.slice(0, 3)])
      expect(found.report).toContain('Kept 2 earlier messages and 1 system message before the prompts.')
      expect(found.report.join(' ')).not.toMatch(/not used/)
    }
    const table = `system,instruction,history,output\n"You are a baker.",What is fresh?,"[[""Hi?"",""Hello.""]]",Rye bread.\n`
    expect((await read('a.csv', table)).earlier).toEqual([openai.slice(0, 3)])
  })

  test('of one question after different messages is several seeds', async () => {
    const talk = (...contents: string[]): string =>
      JSON.stringify({
        messages: contents.map((content, i) => ({ role: i % 2 ? 'assistant' : 'user', content })),
      })
    const found = await read(
      'a.jsonl',
      [talk('And?'), talk('A.', 'b', 'And?'), talk('C.', 'd', 'And?'), talk('A.', 'b', 'And?')].join('\n'),
    )
    expect(found.earlier.map((earlier) => earlier.map(({ content }) => content))).toEqual([
      [],
      ['A.', 'b'],
      ['C.', 'd'],
    ])
    expect(found.report).toContain(
      '1 row repeats an earlier one and was merged with it: line 4 repeats line 2.',
    )
  })

  test('with more messages than a seed keeps loses its first turns, and says so', async () => {
    const messages = [
      { role: 'system', content: 'S' },
      ...Array.from({ length: 300 }, (_, i) => ({ role: i % 2 ? 'assistant' : 'user', content: `m${i}` })),
      { role: 'user', content: 'Last?' },
    ]
    const found = await read('a.jsonl', JSON.stringify({ messages }))
    const [earlier] = found.earlier
    expect(earlier).toHaveLength(199)
    expect(earlier!.slice(0, 2).map(({ content }) => content)).toEqual(['S', 'm102'])
    expect(found.report).toContain(
      'Left out the first 102 messages of conversations that have more than 200.',
    )
  })

  test('with messages of tools, empty ones and some after the answer reports their number', async () => {
    const messages = [
      { role: 'user', content: 'A?' },
      { role: 'assistant', content: null, tool_calls: [] },
      { role: 'tool', content: '7' },
      { role: 'assistant', content: 'Let me see.' },
      { role: 'assistant', content: 'Seven.' },
    ]
    const found = await read('a.jsonl', JSON.stringify({ messages, label: 'odd', system: '' }))
    expect(found.seeds).toEqual([['A?', 'odd']])
    expect(found.report).toEqual(
      expect.arrayContaining([
        '2 messages after a last question are not used.',
        '1 message without a text is not used.',
        '1 message of other senders (`tool`) is not used.',
      ]),
    )
  })

  test('with more turns, parts, answers or instances than are used reports their number', async () => {
    const turn = (role: string, content: unknown) => ({ role, content })
    const found = await read(
      'a.jsonl',
      [
        {
          messages: [
            turn('system', 'S'),
            turn('assistant', 'Hello!'),
            turn('user', [{ type: 'image' }, { type: 'text', text: 'A?' }]),
            turn('assistant', 'a'),
            turn('user', 'B?'),
          ],
        },
        {
          conversations: [
            { from: 'human', value: 'C?' },
            { from: 'gpt', value: 'c' },
            { from: 'human', value: 'D?' },
          ],
        },
        { question: 'E?', answers: { text: ['e', 'f'] } },
        {
          instruction: 'G?',
          instances: [
            { input: '', output: 'g' },
            { input: 'x', output: 'h' },
            { input: 'y', output: 'i' },
          ],
        },
        { prompt: 'J?', system: 'Be brief.' },
      ]
        .map((record) => JSON.stringify(record))
        .join('\n'),
    )
    expect(found.seeds).toEqual([['B?'], ['D?'], ['E?', 'e'], ['G?', 'g'], ['J?']])
    expect(found.earlier.map((earlier) => earlier.map(({ content }) => content))).toEqual([
      ['S', 'Hello!', 'A?', 'a'],
      ['C?', 'c'],
      [],
      [],
      ['Be brief.'],
    ])
    expect(found.report).toEqual(
      expect.arrayContaining([
        'Kept 5 earlier messages and 2 system messages before the prompts.',
        'Read only the first of several `answers` in 1 row.',
        '1 part of a message that is not text is not used.',
        '2 further instances of tasks are not used.',
      ]),
    )
  })

  test('made of columns gives its rows, and what is next to a list is reported', async () => {
    expect((await read('a.json', '{"prompt":["A?","B?"],"answer":["a",2]}')).seeds).toEqual([
      ['A?', 'a'],
      ['B?', '2'],
    ])
    const found = await read('a.json', '{"version":1,"data":[{"prompt":"A?"}],"test":[{"prompt":"B?"}]}')
    expect(found.seeds).toEqual([['A?']])
    expect(found.report).toContain('Ignored `version` and `test` in 1 row each.')
  })
})

describe('columns that are not known', () => {
  const table =
    'id,question_text,answer_text,hint\n1,What is rain?,Water.,sky\n2,What is snow?,Frozen water.,\n'
  const chosen = {
    form: 'x',
    header: true,
    columns: [
      { name: 'id', role: 'ignore' },
      { name: 'question_text', role: 'prompt' },
      { name: 'answer_text', role: 'answer' },
      { name: 'hint', role: 'field' },
    ],
  } as const

  test.each([
    ['a.csv', table],
    ['', table],
    ['a.tsv', table.replaceAll(',', '\t')],
    ['a.jsonl', '{"id":1,"q_text":"What is rain?","a_text":"Water."}\n{"id":2,"q_text":"What is snow?"}\n'],
    ['a.json', '[{"id":1,"q_text":"What is rain?"},{"id":2,"q_text":"What is snow?"}]'],
    ['a.csv', 'what is rain;water\nwhat is snow;frozen\n'],
  ])('of %s %j add nothing', async (name, content) => {
    const found = await read(name, content)
    expect(found).toMatchObject({ seeds: [], problems: [], undecided: true })
  })

  test('are read as chosen, in one line of the report for each role', async () => {
    const found = await read('a.csv', table, { chosen })
    expect(found.seeds).toEqual([
      ['What is rain?', 'Water.'],
      ['What is snow?', 'Frozen water.'],
    ])
    expect(found.report).toEqual([
      'Read `question_text` as the prompt and `answer_text` as the answer in 2 rows.',
      'Kept `hint` with the seed in 1 row.',
      'Ignored `id` in 2 rows.',
    ])
  })

  test('may be a system message and earlier messages', async () => {
    const talk =
      'q_text,rules,before,a_text\nAnd now?,Be brief.,"[[""Hi?"",""Hello.""]]",Rye.\nWhy?,,no list,So.\n'
    const roles = ['prompt', 'system', 'earlier', 'answer'] as const
    const found = await read('a.csv', talk, {
      chosen: {
        form: 'x',
        header: true,
        columns: ['q_text', 'rules', 'before', 'a_text'].map((name, i) => ({
          name,
          role: roles[i] ?? 'ignore',
        })),
      },
    })
    expect(found.seeds).toEqual([
      ['And now?', 'Rye.'],
      ['Why?', 'So.'],
    ])
    expect(found.earlier[0]?.map(({ content }) => content)).toEqual(['Be brief.', 'Hi?', 'Hello.'])
    expect(found.report).toEqual(
      expect.arrayContaining([
        'Kept 2 earlier messages and 1 system message before the prompts.',
        'Did not read `before` as earlier messages (no list of messages) in 1 row.',
      ]),
    )
  })

  test('are shown from the first rows of a large file without reading the rest', async () => {
    const large = new File([table, '3,What is ice?,Cold water.,\n'.repeat(400_000)], 'a.csv')
    let furthest = 0
    const file = {
      name: large.name,
      size: large.size,
      slice: (from?: number, to?: number) => {
        furthest = Math.max(furthest, to ?? 0)
        return large.slice(from, to)
      },
    }
    for await (const batch of readSeeds({ kind: 'file', file }, { projectId, now: 7 })) {
      expect(batch.undecided).toBe(true)
      expect(batch.columns?.rows.slice(0, 2)).toEqual([
        ['id', 'question_text', 'answer_text', 'hint'],
        ['1', 'What is rain?', 'Water.', 'sky'],
      ])
    }
    expect(furthest).toBeLessThan(300_000)
  })

  test('are read as remembered, in another order and letter case', async () => {
    let form = ''
    for await (const batch of readSeeds({ kind: 'text', text: table }, { projectId, now: 7 }))
      form = batch.columns?.form ?? ''
    const remembered = new Map([[form, chosen]])
    const other = 'Answer_text,ID,Hint,Question_text\nWater.,1,sky,What is rain?\n'
    expect(await read('b.csv', other, { remembered })).toMatchObject({
      seeds: [['What is rain?', 'Water.']],
      undecided: false,
    })
    expect(await read('b.csv', table.replaceAll('hint', 'clue'), { remembered })).toMatchObject({
      undecided: true,
    })
  })
})
