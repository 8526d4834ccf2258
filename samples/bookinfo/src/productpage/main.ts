import { runService } from "../http-service.ts";
import { productpageHandler } from "./productpage.ts";

await runService("productpage", productpageHandler(process.env));
