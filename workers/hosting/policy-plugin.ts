// Knows: how the headers and the policy are added to the built page and to the local servers.
import type { Plugin } from 'vite'
import { HOSTING_HEADERS, ISOLATION_HEADERS, POLICY_FOR_META } from './headers.ts'

/**
 * Writes the content security policy into the built `index.html`, so that it applies on hosts that send no headers,
 * and sends headers from the local servers. The development server isolates the page but sends no policy: hot
 * reloading needs inline styles and a socket.
 */
export function hostingPolicy(): Plugin {
  return {
    name: 'retort:policy',
    config: () => ({
      server: { headers: { ...ISOLATION_HEADERS } },
      preview: { headers: { ...HOSTING_HEADERS } },
    }),
    transformIndexHtml: {
      order: 'post',
      handler: (html, context) =>
        context.server === undefined
          ? html.replace(
              /<head>/i,
              `<head>\n    <meta http-equiv="Content-Security-Policy" content="${POLICY_FOR_META}" />`,
            )
          : html,
    },
  }
}
