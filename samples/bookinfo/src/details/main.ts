import { runService } from "../http-service.ts";
import { detailsHandler } from "./details.ts";

await runService("details", detailsHandler(process.env));
