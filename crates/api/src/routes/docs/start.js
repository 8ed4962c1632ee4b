"use strict";
// Paths are relative, so that the page works behind a proxy that puts a prefix in front of the server's paths.
window.ui = SwaggerUIBundle({
  dom_id: "#document",
  url: "openapi.json",
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  // A token stays in memory and goes with the page.
  persistAuthorization: false,
  // What stands in the page's own address changes nothing: a link cannot make it show another document.
  queryConfigEnabled: false,
  validatorUrl: null,
});
