// What Google's own library measures, left where a test finds it.
import { onCLS, onFCP, onINP, onLCP, onTTFB } from "web-vitals";

const measured = {};
for (const on of [onCLS, onFCP, onINP, onLCP, onTTFB]) {
  on(({ name, value }) => {
    measured[name.toLowerCase()] = value;
    sessionStorage.measured = JSON.stringify(measured);
  });
}
