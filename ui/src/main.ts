/** The page's beginning: one component, mounted once. */

import './older';
import { mount } from 'svelte';
import App from './views/App.svelte';

const target = document.getElementById('app');
if (target === null) throw new Error('index.html has an element #app');

mount(App, { target });
