// Makes the calls that stand in the environment, and says what came of each, as one line of JSON.
import { UmamiClient, isUmamiApiError } from "@umami/api-client";

const { baseUrl, token, apiKey, calls } = JSON.parse(process.env.ASKED);
const umami = new UmamiClient({ baseUrl, token, apiKey });
const answers = [];
for (const [operation, given] of calls) {
  try {
    answers.push(await umami.call(operation, given));
  } catch (error) {
    if (!isUmamiApiError(error)) throw error;
    answers.push({ status: error.status, code: error.code, message: error.message });
  }
}
console.log(JSON.stringify(answers));
