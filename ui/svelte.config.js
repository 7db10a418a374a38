// Read by svelte-check and editors; the build takes the plugin's defaults.
export default {};
