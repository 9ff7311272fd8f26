export { describeSettings, loadSettings, SettingError, type Settings } from './load-settings.js';
export { projectRoot } from './project-root.js';
export type { ChainFinality, Quorum } from './setting-kinds.js';
export { httpUrl } from './settings-list.js';
