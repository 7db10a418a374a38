// `#bridge` is chosen when the page is built (vite.config.ts); whoever imports it sees the contract alone.
declare module '#bridge' {
  export const bridge: import('./types').Bridge;
}
