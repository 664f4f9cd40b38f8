// Knows: how the build sorts its files for the service worker.
import { describe, expect, test } from 'vitest'
import {
  developmentPolicyOf,
  headersOf,
  HOSTING_HEADERS,
  NETWORK_POLICY,
  POLICY_FOR_HEADER,
  POLICY_FOR_META,
} from '../../workers/hosting/headers.ts'
import { makeManifest } from '../../workers/hosting/service-plugin.ts'

const file = (path: string, text = path) => ({ path, bytes: new TextEncoder().encode(text) })

describe('the service worker’s manifest', () => {
  const files = [
    file('index.html'),
    file('assets/index-AAAAAAAA.js'),
    file('assets/ort.wasm.min-AAAAAAAA.js'),
    file('assets/ort-wasm-simd-threaded-AAAAAAAA.wasm'),
    file('assets/ort-wasm-simd-threaded-A-_AAAAA.mjs'),
    file('assets/ort-wasm-simd-threaded.jspi-AAAAAAAA.wasm'),
    file('assets/web-llm-A-_AAAAA.js'),
    file('assets/plain-alone-A-_AAAAA.wasm'),
    file('assets/probe-AAAAAAAA.wasm'),
    file('assets/unsigned-shared-AAAAAAAA.wasm'),
  ]

  test('separates engines from the files that the page needs to open', () => {
    const { shell, engines } = makeManifest(files)
    expect(shell).toEqual(['assets/index-AAAAAAAA.js', 'assets/ort.wasm.min-AAAAAAAA.js', 'index.html'])
    expect(engines).toEqual({
      kernels: [
        'assets/plain-alone-A-_AAAAA.wasm',
        'assets/probe-AAAAAAAA.wasm',
        'assets/unsigned-shared-AAAAAAAA.wasm',
      ],
      wasm: ['assets/ort-wasm-simd-threaded-A-_AAAAA.mjs', 'assets/ort-wasm-simd-threaded-AAAAAAAA.wasm'],
      jspi: ['assets/ort-wasm-simd-threaded.jspi-AAAAAAAA.wasm'],
      // Not fetched in advance by any browser.
      onDemand: ['assets/web-llm-A-_AAAAA.js'],
    })
  })

  test('has the size of each file', () => {
    expect(makeManifest([file('index.html', 'twelve bytes')]).bytes).toEqual({ 'index.html': 12 })
  })

  test('lists a loader before its engine, whatever their names', () => {
    const named = [
      file('assets/ort-wasm-simd-threaded-AAAAAAAA.wasm'),
      file('assets/ort-wasm-simd-threaded-zzzzzzzz.mjs'),
    ]
    expect(makeManifest(named).engines['wasm']).toEqual([
      'assets/ort-wasm-simd-threaded-zzzzzzzz.mjs',
      'assets/ort-wasm-simd-threaded-AAAAAAAA.wasm',
    ])
  })

  test('derives the version from every byte and not from the order', () => {
    const { version } = makeManifest(files)
    expect(makeManifest(files.toReversed()).version).toBe(version)
    expect(makeManifest([...files.slice(1), file('index.html', 'changed')]).version).not.toBe(version)
    expect(makeManifest(files.slice(1)).version).not.toBe(version)
  })
})

describe('the content security policy', () => {
  test('allows the page’s own files only, names no directive that WebKit does not know, and allows neither inline code nor eval', () => {
    expect(POLICY_FOR_META).toContain("default-src 'self'")
    expect(POLICY_FOR_META).not.toContain('manifest-src')
    expect(POLICY_FOR_META).not.toMatch(/unsafe-inline|'unsafe-eval'|\*(?!;| |$)/)
    expect(/script-src ([^;]*)/.exec(POLICY_FOR_META)?.[1]).toBe("'self' 'wasm-unsafe-eval'")
  })
  test('keeps the page and every worker but one on the page’s own origin', () => {
    const connectOf = (policy: string | undefined) => /connect-src ([^;]*)/.exec(policy ?? '')?.[1]
    for (const path of [
      '',
      'index.html',
      'assets/teacher-AAAAAAAA.js',
      'assets/web-llm-AAAAAAAA.js',
      'some/network.js',
    ])
      expect(connectOf(headersOf(path)['Content-Security-Policy'])).toBe("'self'")
    expect(connectOf(POLICY_FOR_META)).toBe("'self'")
    expect(headersOf('under/assets/network-A-_AAAAA.js')['Content-Security-Policy']).toBe(NETWORK_POLICY)
    expect(makeManifest([file('assets/network-AAAAAAAA.js'), file('index.html')]).ownHeaders).toEqual({
      'assets/network-AAAAAAAA.js': headersOf('assets/network-AAAAAAAA.js'),
    })
    const development = (url: string) => connectOf(developmentPolicyOf(url, 'localhost:5173'))
    expect(development('/')).toBe("'self' ws://localhost:5173")
    expect(development('/workers/teacher.ts?worker_file&type=module')).toBe("'self' ws://localhost:5173")
    expect(developmentPolicyOf('/workers/network.ts?worker_file&type=module', 'x')).toBe(NETWORK_POLICY)
  })
  test('forbids framing in the header, where browsers apply it', () => {
    expect(POLICY_FOR_META).not.toContain('frame-ancestors')
    expect(POLICY_FOR_HEADER).toContain("frame-ancestors 'none'")
    expect(HOSTING_HEADERS['Content-Security-Policy']).toBe(POLICY_FOR_HEADER)
  })
})
