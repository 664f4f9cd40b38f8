// Knows: node-llama-cpp as its users call it: one context with as many sequences as rows, evaluated side by side. A process of its own.
import { getLlama, LlamaLogLevel } from 'node-llama-cpp'
import { startTally } from './tally.mjs'

async function open({ rows, context: contextSize, threads, path, settings = {} }) {
  const llama = await getLlama({
    gpu: false,
    build: 'never',
    skipDownload: true,
    maxThreads: threads,
    logLevel: LlamaLogLevel.error,
    progressLogs: false,
  })
  const model = await llama.loadModel({ modelPath: path })
  const context = await model.createContext({
    sequences: rows,
    contextSize,
    batchSize: 512,
    threads: { ideal: threads, min: threads },
    ...settings,
  })
  const sequences = Array.from({ length: rows }, () => context.getSequence())

  async function writeRow(sequence, prompt, most, reuse, row, tally) {
    let tokens = model.tokenize(prompt)
    const promptTokens = tokens.length
    if (reuse) {
      await sequence.adaptStateToTokens(tokens.slice(0, -1), false)
      tokens = tokens.slice(sequence.nextTokenIndex)
    } else await sequence.clearHistory()
    const written = []
    for await (const token of sequence.evaluate(tokens, { temperature: 0, yieldEogToken: true })) {
      written.push(token)
      tally.note(row, written.length)
      if (written.length >= most) break
    }
    return { promptTokens, text: model.detokenize(written, false, model.tokenize(prompt).slice(-4)) }
  }

  return {
    about: `node-llama-cpp (llama.cpp ${llama.llamaCppRelease.release}), ${threads} threads, ${rows} sequences${Object.entries(
      settings,
    )
      .map(([name, value]) => `, ${name} ${value}`)
      .join('')}`,
    async write({ prompts, tokens, reuse }) {
      const tally = startTally(prompts.length)
      const told = await Promise.all(
        prompts.map((prompt, row) => writeRow(sequences[row], prompt, tokens, reuse, row, tally)),
      )
      return tally.end(
        told.reduce((sum, { promptTokens }) => sum + promptTokens, 0),
        told.map(({ text }) => text),
      )
    },
  }
}

let writer
const answer = async (question) => {
  if ('open' in question) return { about: (writer = await open(question.open)).about }
  return { told: await writer.write(question.write) }
}
process.on('message', (question) => {
  answer(question).then(
    (told) => process.send(told),
    (thrown) =>
      process.send({ broken: thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown) }),
  )
})
process.on('disconnect', () => process.exit(0))
