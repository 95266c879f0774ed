"use strict";

// The page of the APIs: their OpenAPI document, drawn by Swagger UI.
const place = document.getElementById("apis");
window.SwaggerUIBundle({ url: place.dataset.schema, domNode: place, deepLinking: true, validatorUrl: null });
