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

  async function generateRow(sequence, prompt, maxTokens, reuse, row, tally) {
    let tokens = model.tokenize(prompt)
    const promptTokens = tokens.length
    if (reuse) {
      await sequence.adaptStateToTokens(tokens.slice(0, -1), false)
      tokens = tokens.slice(sequence.nextTokenIndex)
    } else await sequence.clearHistory()
    const generated = []
    for await (const token of sequence.evaluate(tokens, { temperature: 0, yieldEogToken: true })) {
      generated.push(token)
      tally.note(row, generated.length)
      if (generated.length >= maxTokens) break
    }
    return { promptTokens, text: model.detokenize(generated, false, model.tokenize(prompt).slice(-4)) }
  }

  return {
    about: `node-llama-cpp (llama.cpp ${llama.llamaCppRelease.release}), ${threads} threads, ${rows} sequences${Object.entries(
      settings,
    )
      .map(([name, value]) => `, ${name} ${value}`)
      .join('')}`,
    async generate({ prompts, tokens, reuse }) {
      const tally = startTally(prompts.length)
      const results = await Promise.all(
        prompts.map((prompt, row) => generateRow(sequences[row], prompt, tokens, reuse, row, tally)),
      )
      return tally.end(
        results.reduce((sum, { promptTokens }) => sum + promptTokens, 0),
        results.map(({ text }) => text),
      )
    },
  }
}

let writer
const respond = async (request) => {
  if ('open' in request) return { about: (writer = await open(request.open)).about }
  return { result: await writer.generate(request.generate) }
}
process.on('message', (request) => {
  respond(request).then(
    (response) => process.send(response),
    (thrown) =>
      process.send({ error: thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown) }),
  )
})
process.on('disconnect', () => process.exit(0))
